import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Checkbox, Radio, Select } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Navigate, useNavigate, useParams, useSearchParams } from 'react-router';
import { api, asProblem, body, type Problem } from '../../api/client';
import { ask } from '../../api/queries';
import type { CronPreview, LaunchOptions, Schedule, ScheduleUpdate } from '../../api/types';
import { useDebounced } from '../../lib/debounce';
import { useGroup, useMe } from '../../lib/session';
import { Field } from '../../parts/Field';
import { TextField } from '../../parts/form/fields';
import { beside, useForm, withAnswer, type Fields } from '../../parts/form/form';
import { FormPage } from '../../parts/form/FormPage';
import { Bones, Failure, NoPermission, Page, Panel, Waiting } from '../../parts/page';
import { NotFound } from '../../shell/Wholes';
import { t } from '../../text';
import { useDryRun } from '../jobs/dry-run';
import { JobAnswer } from '../jobs/JobAnswer';
import { specOf } from '../jobs/spec';
import { SpecFields } from '../jobs/SpecFields';
import { check, draftOf, runsOther, timesOf, words, type Draft } from './draft';
import { PRESETS, due, presetOf, timezones, type Preset } from './words';

export default function ScheduleForm() {
  const group = useGroup();
  const me = useMe();
  const { id } = useParams();
  const from = useSearchParams()[0].get('from');
  const options = useQuery(ask.launchOptions(group.group));
  // the one that is edited, or the one that a new one is to be like
  const known = id ?? from;
  const found = useQuery({ ...ask.schedule(known ?? ''), enabled: known !== null });
  const old = id === undefined ? null : found.data ?? null;
  const failed = options.error ?? found.error;
  const ready = options.data && (known === null || found.data);
  const base = `/g/${group.group}/recurring-jobs`;
  const may = !old || old.user === me.name || me.platform_admin || group.role === 'admin';
  if (old && old.group !== group.group) return <Navigate to={`/g/${old.group}/recurring-jobs/${old.id}/edit`} replace />;
  if (id !== undefined && found.error && asProblem(found.error).status === 404) return <NotFound />;
  const title = old ? t.schedules.editTitle(old.name) : from === null ? t.schedules.newTitle : t.schedules.cloneTitle;
  return (
    <Page crumbs={{ to: id ? `${base}/${id}` : base, text: old?.name ?? t.shell.schedules }} title={title} lead={t.schedules.lead}>
      {!may ? <NoPermission title={t.schedules.notYours}>{t.schedules.notYoursWhy(old.user, me.name)}</NoPermission>
        : ready ? <Form key={known} options={options.data} old={old} like={found.data ?? null} />
        : failed ? <Panel><Failure error={failed} what={found.error ? t.schedules.failedOne : t.notebook.optionsFailed} onRetry={() => void (found.error ? found.refetch() : options.refetch())} /></Panel>
          : <Waiting><Bones rows={8} widths={[60, 90, 40]} /></Waiting>}
    </Page>
  );
}

function Form({ options, old, like }: { options: LaunchOptions; old: Schedule | null; like: Schedule | null }) {
  const { group } = useGroup();
  const me = useMe();
  const queries = useQueryClient();
  const go = useNavigate();
  const [first] = useState(options);
  const saved = useMemo(() => draftOf(first, like), [first, like]);
  const own = old === null || old.user === me.name;
  // sent unchanged, what it runs would be taken for a change of what its owner alone may change
  const jobToo = (draft: Draft) => old === null || (own && runsOther(saved, draft));
  const form = useForm<Draft, Schedule>({
    saved, words, check: (draft) => check(draft, jobToo(draft) ? options : null), creating: old === null,
    save: (draft) => {
      const times = timesOf(draft);
      const job = jobToo(draft) ? { job: { ...specOf(group, draft)!, name: times.name } } : {};
      return old ? body(api.PATCH('/schedules/{schedule}', { params: { path: { schedule: old.id } }, body: { ...times, ...job, version: old.version } as ScheduleUpdate }))
        : body(api.POST('/schedules', { body: { ...times, job: job.job!, paused: false, notebook_reads_file: false } }));
    },
    onSaved: ({ id }) => {
      void queries.invalidateQueries({ queryKey: ['schedules'] });
      void go(`/g/${group}/recurring-jobs/${id}`);
    },
  });
  const { cron, timezone } = form.draft;
  const settled = useDebounced({ cron, timezone }, 250);
  const preview = useQuery({ ...ask.cronPreview(settled.cron, settled.timezone), enabled: settled.cron.trim() !== '' });
  const problem = preview.error ? asProblem(preview.error) : null;
  const { problem: refusal, lines, ...answer } = useDryRun(options, form.draft);
  const told = withAnswer(withAnswer(form, problem), refusal, 'job.');
  const rail = (
    <>
      {jobToo(form.draft) && <Panel title={t.schedules.ifDue}><JobAnswer {...answer} onChoose={(slug) => form.set({ type: slug })} /></Panel>}
      <Reading preview={problem ? undefined : preview.data} problem={problem} timezone={settled.timezone} />
    </>
  );
  return (
    <FormPage form={told} go={t.schedules.save} panels rail={rail}>
      <When form={told} />
      {!own && <p className="hint" role="note"><CircleAlert size={14} aria-hidden />{t.schedules.ownersAlone(old.user)}</p>}
      <SpecFields form={told} options={options} budgets={lines} locked={!own} />
    </FormPage>
  );
}

function When({ form }: { form: Fields<Draft> }) {
  const { draft, set } = form;
  const [custom, setCustom] = useState(presetOf(draft.cron) === 'custom');
  return (
    <Panel title={t.schedules.when}>
      <div className="fields wide">
        <TextField form={form} name="name" max={100} />
        <div className="field">
          <span className="label">{t.schedules.preset}</span>
          <Radio.Group vertical aria-label={t.schedules.preset} value={custom ? 'custom' : presetOf(draft.cron)} onChange={({ target }: { target: { value?: Preset } }) => {
            const preset = target.value!;
            setCustom(preset === 'custom');
            if (preset !== 'custom') set({ cron: PRESETS[preset] });
          }} options={(['daily', 'weekly', 'monthly', 'custom'] as const).map((preset) => ({ value: preset, label: t.schedules.presets[preset] }))} />
        </div>
        {custom && <div className="short"><TextField form={form} name="cron" help={t.schedules.cronHelp} mono /></div>}
        <Field label={t.schedules.timezone} error={form.error('timezone')}>
          {(ids) => <Select {...ids} status={ids['aria-invalid'] ? 'error' : undefined} showSearch className="short" value={draft.timezone} onChange={(timezone: string) => set({ timezone })} options={timezones().map((zone) => ({ value: zone, label: zone }))} />}
        </Field>
        <div className="field">
          <span className="label">{t.schedules.overlap}</span>
          <Radio.Group vertical aria-label={t.schedules.overlap} value={draft.overlap} onChange={({ target }: { target: { value?: Draft['overlap'] } }) => set({ overlap: target.value! })}
            options={(['skip', 'queue', 'replace'] as const).map((overlap) => ({ value: overlap, label: t.schedules.overlaps[overlap] }))} />
        </div>
        <Checkbox checked={draft.catch_up} onChange={(event) => set({ catch_up: event.target.checked })}>{t.schedules.catchUp}</Checkbox>
      </div>
    </Panel>
  );
}

/** The expression in plain words, and when it is due next. */
function Reading({ preview, problem, timezone }: { preview: CronPreview | undefined; problem: Problem | null; timezone: string }) {
  const other = beside(problem, ['cron', 'timezone']);
  return (
    <Panel title={t.schedules.reading}>
      <div aria-live="polite">
        <p className="answerLine">{preview?.reading ?? '–'}</p>
        {other && <p className="small">{other}</p>}
        <h3 style={{ marginTop: 12 }}>{t.schedules.next}</h3>
        <ol className="next">{preview ? preview.next.map((moment) => <li key={moment}>{due(moment, timezone)}</li>) : <li>–</li>}</ol>
      </div>
    </Panel>
  );
}
