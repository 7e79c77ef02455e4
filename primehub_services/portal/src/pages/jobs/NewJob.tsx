import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert, Play } from 'lucide-react';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Job, JobSpec, LaunchOptions } from '../../api/types';
import { Budgets } from '../../launch/Budgets';
import { alternatives, label, verdictOf } from '../../launch/fit';
import { useDebounced } from '../../lib/debounce';
import { useGroup } from '../../lib/session';
import { differing } from '../../parts/form/draft';
import { toFirstError } from '../../parts/form/form';
import { Leaving } from '../../parts/form/Leaving';
import { Bones, Failure, Page, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';
import { JobAnswer, jobVerdict } from './JobAnswer';
import { draftOf, isRight, specOf, wrongOf, type Draft } from './spec';
import { SpecFields } from './SpecFields';

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
      {ready ? <Form options={options.data} like={from === null ? null : like.data ?? null} />
        : failed ? <Panel><Failure error={failed} what={like.error ? t.jobs.cloneFailed : t.notebook.optionsFailed} onRetry={() => void (like.error ? like.refetch() : options.refetch())} /></Panel>
          : (
            <Waiting>
              <div className="withRail">
                <div className="formCol"><Panel><Bones rows={6} widths={[96]} /></Panel><Panel title={t.notebook.type}><Bones rows={4} widths={[96]} /></Panel></div>
                <div className="rail"><Panel><Bones rows={4} /></Panel></div>
              </div>
            </Waiting>
          )}
    </Page>
  );
}

function Form({ options, like }: { options: LaunchOptions; like: Job | null }) {
  const group = useGroup();
  const queries = useQueryClient();
  const go = useNavigate();
  const [begun] = useState<Draft>(() => draftOf(options, like));
  const [draft, setDraft] = useState<Draft>(begun);
  const [tried, setTried] = useState(false);
  const [sent, setSent] = useState<Draft | null>(null);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const wrong = wrongOf(draft, options);
  const request = specOf(group.group, draft, wrong);
  const settled = useDebounced(request, 200);
  const check = useQuery({ ...ask.jobCheck(group.group, settled ?? nothing), enabled: settled !== null });
  const submit = useMutation({
    mutationFn: (wanted: JobSpec) => body(api.POST('/jobs', { body: { ...wanted, from_schedule: null } })),
    onSuccess: (job) => {
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      void go(`/g/${job.group}/jobs/${job.id}`);
    },
  });
  const problem = submit.error ? asProblem(submit.error) : check.error ? asProblem(check.error) : null;
  const verdict = request === null ? 'asking' as const : verdictOf(check.data, check.error ? (asProblem(check.error).status === 422 ? 'invalid' : 'unknown') : null);
  const stale = request !== null && (check.isPlaceholderData || JSON.stringify(request) !== JSON.stringify(settled));
  const type = options.instance_types.find((x) => x.slug === draft.type);
  const image = options.images.find((x) => x.slug === draft.image);
  const lines = check.data?.budgets.length ? check.data.budgets : options.budgets;
  const hidden = Object.entries(like?.environment ?? {}).filter(([, value]) => value === null).map(([name]) => name);
  const send = () => {
    setTried(true);
    if (request && isRight(wrong)) {
      setSent(draft);
      submit.mutate(request);
    }
    else toFirstError();
  };
  const button = (
    <Button type="primary" size="large" block disabled={verdict === 'never'} loading={submit.isPending} icon={<Play size={15} aria-hidden />} onClick={send}>{t.jobs.submit}</Button>
  );
  const why = verdict === 'asking' ? <p>{request === null ? wrong.type || wrong.image : t.notebook.answer.askingWhy}</p>
    : verdict === 'yes' && type && image ? <p>{t.notebook.answer.yesWhy(label(type), label(image))}</p>
      : problem ? <p>{problem.message}</p> : null;
  return (
    <>
      <Leaving changes={submit.isPending ? 0 : differing(begun, draft)} />
      {hidden.length > 0 && <p className="hint" role="status"><CircleAlert size={14} aria-hidden />{t.jobs.hidden(hidden.join(', '))}</p>}
      <div className="withRail">
        <div className="formCol">
          <SpecFields options={options} draft={draft} wrong={wrong} shown={tried} problem={problem} sent={submit.error ? sent : null} budgets={lines} named onChange={change} />
        </div>
        <aside className="rail">
          <div className="sticky">
            <JobAnswer verdict={verdict} decision={check.data} stale={stale} why={why} button={button} others={type ? alternatives(options, type, image ?? null, lines) : []} onChoose={(slug) => change({ type: slug })} />
            {submit.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(submit.error).message}</p>}
          </div>
          <Budgets options={options} lines={lines} type={type ? label(type) : ''} machine={check.data?.reasons.some((r) => r.budget === 'machine') ?? false} />
        </aside>
      </div>
      <div className="startBar">
        <p className="small">{jobVerdict(verdict)}</p>
        {button}
      </div>
    </>
  );
}

const nothing: JobSpec = {
  group: '-', instance_type: '-', image: '-', name: '', command: 'true', notebook: null, environment: {}, secrets: {}, timeout: null, retries: 0,
};
