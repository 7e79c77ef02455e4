import { Problem } from '../client';
import { moment } from '../lib/format';
import { useTexts } from '../react';
import type { CronPreview, Decision } from '../types';

export interface Asked {
  /** Null while it is being asked. */
  decision: Decision | null;
  /** Why the answer is not known. */
  problem: Problem | null;
}

type Look = 'asking' | 'yes' | 'waits' | 'never' | 'refused';

/** Beside the button: what submitting would do, or why it did not. */
export function Answer({ asked, refused, recurring, preview, timezone, wrong }: {
  asked: Asked; refused: Problem | null; recurring: boolean; preview: CronPreview | null; timezone: string; wrong: boolean;
}) {
  const t = useTexts();
  const decision = refused?.decision ?? asked.decision;
  const { look, words } = verdict();

  function verdict(): { look: Look; words: string } {
    if (refused !== null) return { look: 'refused', words: t.answer.refused };
    if (wrong) return { look: 'refused', words: t.parameters.wrong };
    if (asked.problem !== null) return { look: 'asking', words: t.answer.unknown };
    if (decision === null) return { look: 'asking', words: t.answer.asking };
    if (decision.never) return { look: 'never', words: t.answer.never };
    if (recurring) return { look: 'yes', words: preview?.next[0] ? t.answer.first(moment(preview.next[0], timezone)) : t.answer.asking };
    return decision.would_start ? { look: 'yes', words: t.answer.yes } : { look: 'waits', words: t.answer.waits };
  }

  const says = refused !== null || (!wrong && !(recurring && decision?.never === false));
  const reasons = says && decision !== null ? decision.reasons : [];
  const holders = reasons.flatMap((reason) => reason.holders);
  const helps = [...new Set(reasons.map((reason) => reason.help).filter(Boolean))];
  return (
    <div className="jp-PrimeHub-answer" data-look={look} role="status" aria-atomic aria-busy={look === 'asking' && asked.problem === null}>
      <p className="jp-PrimeHub-verdict"><i aria-hidden />{words}</p>
      {refused !== null && reasons.length === 0 && <p>{refused.status === 0 ? t.notices.unreachable : refused.message}</p>}
      {refused?.errors.map((error) => <p key={error.field}><code>{error.field}</code> {error.message} {error.fix ?? ''}</p>)}
      {refused === null && asked.problem !== null && <p>{asked.problem.status === 0 ? t.notices.unreachable : asked.problem.message}</p>}
      {reasons.map((reason) => <p key={`${reason.code}${reason.budget}${reason.resource}`}>{reason.message}</p>)}
      {holders.slice(0, 3).map((holder) => (
        <p key={`${holder.user}${holder.since}${holder.amount}`} className="jp-PrimeHub-muted">
          {t.answer.held(holder.user ?? t.answer.somebody, t.answer.kinds[holder.kind] ?? holder.kind, holder.amount)}
        </p>
      ))}
      {helps.slice(0, 2).map((help) => <p key={help} className="jp-PrimeHub-muted">{help}</p>)}
      {says && decision?.warnings.map((warning) => <p key={warning} className="jp-PrimeHub-muted">{warning}</p>)}
    </div>
  );
}
