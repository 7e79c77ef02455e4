import { useQuery } from '@tanstack/react-query';
import { asProblem } from '../../api/client';
import { ask } from '../../api/queries';
import type { JobSpec, LaunchOptions } from '../../api/types';
import { alternatives, label, verdictOf } from '../../launch/fit';
import { useDebounced } from '../../lib/debounce';
import { t } from '../../text';
import { choiceErrors, specOf, type Draft } from './spec';

/** "Would this start?", of what stands in the form. */
export function useDryRun(options: LaunchOptions, draft: Draft) {
  const request = specOf(options.group, draft);
  const settled = useDebounced(request, 200);
  const run = useQuery({ ...ask.jobCheck(options.group, settled ?? nothing), enabled: settled !== null });
  const problem = run.error ? asProblem(run.error) : null;
  const verdict = request === null ? 'asking' as const : verdictOf(run.data, problem && (problem.status === 422 ? 'invalid' : 'unknown'));
  const type = options.instance_types.find((x) => x.slug === draft.type);
  const image = options.images.find((x) => x.slug === draft.image);
  const needed = choiceErrors(draft, options);
  const why = request === null ? needed.type || needed.image
    : verdict === 'asking' ? t.notebook.answer.askingWhy
      : verdict === 'yes' && type && image ? t.notebook.answer.yesWhy(label(type), label(image)) : problem?.message;
  const lines = run.data?.budgets.length ? run.data.budgets : options.budgets;
  return {
    verdict, problem, lines, why: why && <p>{why}</p>, decision: run.data, others: type ? alternatives(options, type, image ?? null, lines) : [],
    stale: request !== null && (run.isPlaceholderData || JSON.stringify(request) !== JSON.stringify(settled)),
    machine: run.data?.reasons.some((r) => r.budget === 'machine') ?? false,
  };
}

const nothing: JobSpec = {
  group: '-', instance_type: '-', image: '-', name: '', command: 'true', notebook: null, environment: {}, secrets: {}, timeout: null, retries: 0,
};
