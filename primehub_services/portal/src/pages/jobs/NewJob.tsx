import { useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { api, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Job, LaunchOptions } from '../../api/types';
import { Budgets } from '../../launch/Budgets';
import { label } from '../../launch/fit';
import { useGroup } from '../../lib/session';
import { TextField } from '../../parts/form/fields';
import { useForm, withAnswer } from '../../parts/form/form';
import { FormPage } from '../../parts/form/FormPage';
import { Bones, Failure, Page, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';
import { useDryRun } from './dry-run';
import { JobAnswer, jobVerdict } from './JobAnswer';
import { check, draftOf, specOf, wordsOf, type Draft } from './spec';
import { SpecFields } from './SpecFields';

const words = wordsOf();

export default function NewJob() {
  const group = useGroup();
  const [query] = useSearchParams();
  const from = query.get('from');
  const options = useQuery(ask.launchOptions(group.group));
  const like = useQuery({ ...ask.job(from ?? ''), enabled: from !== null });
  const failed = options.error ?? like.error;
  const ready = options.data && (from === null || like.data);
  return (
    <Page crumbs={{ to: `/g/${group.group}/jobs`, text: t.shell.jobs }} title={from === null ? t.jobs.newTitle : t.jobs.cloneTitle} lead={t.jobs.newLead}>
      {ready ? <Form key={from} options={options.data} like={from === null ? null : like.data ?? null} />
        : failed ? <Panel><Failure error={failed} what={like.error ? t.jobs.cloneFailed : t.notebook.optionsFailed} onRetry={() => void (like.error ? like.refetch() : options.refetch())} /></Panel>
          : <Waiting><Bones rows={8} widths={[60, 90, 40]} /></Waiting>}
    </Page>
  );
}

function Form({ options, like }: { options: LaunchOptions; like: Job | null }) {
  const { group } = useGroup();
  const queries = useQueryClient();
  const go = useNavigate();
  const [saved] = useState(() => draftOf(options, like));
  const form = useForm<Draft, Job>({
    saved, words, check: (draft) => check(draft, options), creating: true,
    save: (draft) => body(api.POST('/jobs', { body: { ...specOf(group, draft)!, from_schedule: null } })),
    onSaved: (job) => {
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      void go(`/g/${job.group}/jobs/${job.id}`);
    },
  });
  const { problem, lines, machine, ...answer } = useDryRun(options, form.draft);
  const told = withAnswer(form, problem);
  const type = options.instance_types.find((x) => x.slug === form.draft.type);
  const hidden = Object.entries(like?.environment ?? {}).filter(([, value]) => value === null).map(([name]) => name);
  return (
    <>
      {hidden.length > 0 && <p className="hint" role="status"><CircleAlert size={14} aria-hidden />{t.jobs.hidden(hidden.join(', '))}</p>}
      <FormPage form={told} go={t.jobs.submit} panels
        answer={{ words: jobVerdict(answer.verdict), never: answer.verdict === 'never', panel: (button) => <JobAnswer {...answer} button={button} onChoose={(slug) => form.set({ type: slug })} /> }}
        rail={<Budgets options={options} lines={lines} type={type ? label(type) : ''} machine={machine} />}>
        <SpecFields form={told} options={options} budgets={lines} name={<TextField form={told} name="name" help={t.jobs.nameHelp} optional max={100} />} />
      </FormPage>
    </>
  );
}
