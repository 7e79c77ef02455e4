import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Input, Radio, Select } from 'antd';
import { CircleAlert, Save } from 'lucide-react';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { LaunchOptions, Schedule, ScheduleUpdate } from '../../api/types';
import { useDebounced } from '../../lib/debounce';
import { useGroup, useMe } from '../../lib/session';
import { Field } from '../../parts/Field';
import { differing, same } from '../../parts/form/draft';
import { saidOf, toFirstError } from '../../parts/form/form';
import { Leaving } from '../../parts/form/Leaving';
import { Unsaved } from '../../parts/form/Unsaved';
import { Bones, Failure, NoPermission, Page, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';
import { draftOf, isRight, specOf, wrongOf, type Draft } from '../jobs/spec';
import { SpecFields } from '../jobs/SpecFields';
import { changesOf, clockWords, draftWords } from './changes';
import { PRESETS, due, ownTimezone, presetOf, timesOf, timezones, type Clock, type Preset } from './words';

export default function ScheduleForm() {
  const group = useGroup();
  const me = useMe();
  const { id } = useParams();
  const options = useQuery(ask.launchOptions(group.group));
  const old = useQuery({ ...ask.schedule(id ?? ''), enabled: id !== undefined });
  const failed = options.error ?? old.error;
  const ready = options.data && (id === undefined || old.data);
  const base = `/g/${group.group}/recurring-jobs`;
  const may = !old.data || old.data.user === me.name || me.platform_admin || group.role === 'admin';
  return (
    <Page crumbs={{ to: id ? `${base}/${id}` : base, text: old.data?.name ?? t.shell.schedules }} title={old.data ? t.schedules.editTitle(old.data.name) : t.schedules.newTitle} lead={t.schedules.lead}>
      {!may ? <NoPermission title={t.schedules.notYours}>{t.schedules.notYoursWhy(old.data.user, me.name)}</NoPermission>
        : ready ? <Form options={options.data} old={old.data ?? null} />
        : failed ? <Panel><Failure error={failed} what={old.error ? t.schedules.failedOne : t.notebook.optionsFailed} onRetry={() => void (old.error ? old.refetch() : options.refetch())} /></Panel>
          : <Waiting><Panel><Bones rows={8} widths={[96]} /></Panel></Waiting>}
    </Page>
  );
}

function Form({ options, old }: { options: LaunchOptions; old: Schedule | null }) {
  const group = useGroup();
  const me = useMe();
  const queries = useQueryClient();
  const go = useNavigate();
  const [begun] = useState<Draft>(() => draftOf(options, old && { ...old.job, timeout: old.job.timeout ?? null }));
  const [draft, setDraft] = useState<Draft>(begun);
  const [begunClock] = useState<Clock>(() => ({
    name: old?.name ?? '', cron: old?.cron ?? PRESETS.daily, preset: presetOf(old?.cron ?? PRESETS.daily), timezone: old?.timezone ?? ownTimezone(),
    overlap: old?.overlap ?? 'skip', catchUp: old?.catch_up ?? false,
  }));
  const [clock, setClock] = useState<Clock>(begunClock);
  const [tried, setTried] = useState(false);
  const [sent, setSent] = useState<{ draft: Draft; clock: Clock } | null>(null);
  const set = (part: Partial<Clock>) => setClock((before) => ({ ...before, ...part }));
  const wrong = wrongOf(draft, options);
  const settled = useDebounced({ cron: clock.cron, timezone: clock.timezone }, 250);
  const preview = useQuery({ ...ask.cronPreview(settled.cron, settled.timezone), enabled: settled.cron.trim() !== '' });
  const base = `/g/${group.group}/recurring-jobs`;
  const save = useMutation({
    mutationFn: () => {
      const times = timesOf(clock);
      const job = touched ? { job: { ...specOf(group.group, draft, wrong)!, name: times.name } } : {};
      return old ? body(api.PATCH('/schedules/{schedule}', { params: { path: { schedule: old.id } }, body: { ...times, ...job, version: old.version } as ScheduleUpdate }))
        : body(api.POST('/schedules', { body: { ...times, job: job.job!, paused: false, notebook_reads_file: false } }));
    },
    onSuccess: (saved) => {
      void queries.invalidateQueries({ queryKey: ['schedules'] });
      void go(`${base}/${saved.id}`);
    },
  });
  const problem = save.error ? asProblem(save.error) : null;
  const cronProblem = preview.error ? asProblem(preview.error) : null;
  const own = old === null || old.user === me.name;
  // sent unchanged, it would be taken for a change of what its owner alone may change
  const touched = old === null || (own && !same(begun, draft));
  const nameMissing = clock.name.trim() === '';
  const send = () => {
    setTried(true);
    if ((!touched || isRight(wrong)) && !nameMissing && !cronProblem) {
      setSent({ draft, clock });
      save.mutate();
    }
    else toFirstError();
  };
  const changes = [...changesOf(clockWords, begunClock, clock), ...changesOf(draftWords, begun, draft)];
  const button = <Button type="primary" size="large" block loading={save.isPending} icon={<Save size={15} aria-hidden />} onClick={send}>{t.schedules.save}</Button>;
  return (
    <>
    <div className="withRail">
      <Leaving changes={save.isPending ? 0 : differing(begun, draft) + differing(begunClock, clock)} />
      <div className="formCol">
        <Panel title={t.schedules.when}>
          <div className="fields wide">
            <Field label={t.jobs.name} error={(tried && nameMissing && t.schedules.nameNeeded) || (sent?.clock.name === clock.name ? saidOf(problem, 'name') : undefined)}>
              {(ids) => <Input {...ids} maxLength={100} value={clock.name} onChange={(event) => set({ name: event.target.value })} />}
            </Field>
            <div className="field">
              <span className="label">{t.schedules.preset}</span>
              <Radio.Group vertical aria-label={t.schedules.preset} value={clock.preset} onChange={({ target }: { target: { value?: Preset } }) => {
                const preset = target.value!;
                set({ preset, cron: preset === 'custom' ? clock.cron : PRESETS[preset] });
              }} options={(['daily', 'weekly', 'monthly', 'custom'] as const).map((preset) => ({ value: preset, label: t.schedules.presets[preset] }))} />
            </div>
            {clock.preset === 'custom' && (
              <Field label={t.schedules.cron} help={t.schedules.cronHelp} error={saidOf(cronProblem, 'cron') ?? (cronProblem?.of('timezone') ? '' : cronProblem?.message)}>
                {(ids) => <Input {...ids} className="mono" style={{ maxWidth: 320 }} spellCheck={false} value={clock.cron} onChange={(event) => set({ cron: event.target.value })} />}
              </Field>
            )}
            <Field label={t.schedules.timezone} error={saidOf(cronProblem, 'timezone')}>
              {({ id }) => <Select id={id} showSearch style={{ maxWidth: 320 }} value={clock.timezone} onChange={(timezone: string) => set({ timezone })} options={timezones().map((zone) => ({ value: zone, label: zone }))} />}
            </Field>
            <div className="field">
              <span className="label">{t.schedules.overlap}</span>
              <Radio.Group vertical aria-label={t.schedules.overlap} value={clock.overlap} onChange={({ target }: { target: { value?: Clock['overlap'] } }) => set({ overlap: target.value! })}
                options={(['skip', 'queue', 'replace'] as const).map((overlap) => ({ value: overlap, label: t.schedules.overlaps[overlap] }))} />
            </div>
            <Checkbox checked={clock.catchUp} onChange={(event) => set({ catchUp: event.target.checked })}>{t.schedules.catchUp}</Checkbox>
          </div>
        </Panel>
        {!own && <p className="hint" role="note"><CircleAlert size={14} aria-hidden />{t.schedules.ownersAlone(old.user)}</p>}
        <SpecFields options={options} draft={draft} wrong={wrong} shown={tried} problem={problem} sent={sent?.draft} budgets={options.budgets} named={false} locked={!own}
          onChange={(part) => setDraft((before) => ({ ...before, ...part }))} />
      </div>
      <aside className="rail">
        <div className="sticky formCol">
          <Panel title={t.schedules.reading}>
            <div aria-live="polite">
              <p className="answerLine">{preview.data && !cronProblem ? preview.data.reading : '–'}</p>
              <h3 style={{ marginTop: 12 }}>{t.schedules.next}</h3>
              <ol className="next">{preview.data && !cronProblem ? preview.data.next.map((moment) => <li key={moment}>{due(moment, settled.timezone)}</li>) : <li>–</li>}</ol>
            </div>
          </Panel>
          {problem && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{problem.status === 409 && problem.code === 'conflict' ? t.schedules.conflict : problem.message}</p>}
          {tried && touched && [wrong.type, wrong.image].filter(Boolean).map((words) => <p key={words} className="err" role="alert"><CircleAlert size={14} aria-hidden />{words}</p>)}
          {old && changes.length > 0 && <Panel title={t.form.notSaved} extra={t.form.changes(changes.length)}><Unsaved changes={changes} /></Panel>}
          <div className="go">{button}</div>
        </div>
      </aside>
    </div>
    <div className="startBar">
      {old && changes.length > 0 && <p className="small">{t.form.changes(changes.length)}</p>}
      {button}
    </div>
    </>
  );
}
