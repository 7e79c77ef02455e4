import { useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleCheck } from 'lucide-react';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { some, type SystemSettings, type SystemSettingsUpdate } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { ask } from '../../../api/queries';
import { count, duration } from '../../../lib/format';
import { NumberField, SwitchField, TextField, TimeField } from '../../../parts/form/fields';
import { useForm, type Errors, type Form, type Words } from '../../../parts/form/form';
import { SaveRow, Section } from '../../../parts/form/FormPage';
import { Leaving } from '../../../parts/form/Leaving';
import { Bones, Failure, Page, Waiting } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { Announcements } from './Announcements';
import { Email } from './Email';
import { Logo } from './Logo';

const words = a.settings;
const time = (value: number) => (value === 0 ? t.form.never.toLowerCase() : duration(value));
const onOff = (value: boolean) => (value ? t.notebook.facts.on : t.notebook.facts.off);

type Part<K extends keyof SystemSettings> = Pick<SystemSettings, K>;
type Look = Part<'name' | 'logo'>;
type People = Part<'members_may_invite' | 'default_volume_capacity'>;
type Notebooks = Part<'idle_timeout' | 'idle_warning' | 'keep_max'>;
type Jobs = Part<'job_timeout' | 'queue_keep_after' | 'queue_limit' | 'recurring_min_interval' | 'snapshot_max'>;
type Results = Part<'log_retention' | 'artifact_retention' | 'artifact_size' | 'artifact_files' | 'job_retention' | 'job_limit'>;

const look: Words<Look> = { name: { label: words.name }, logo: { label: words.logo, show: (logo) => (logo === '' ? words.logoOwn : words.logoNew) } };
const people: Words<People> = { members_may_invite: { label: words.invite, show: onOff }, default_volume_capacity: { label: words.volume } };
const notebooks: Words<Notebooks> = { idle_timeout: { label: words.idle, show: time }, idle_warning: { label: words.warning, show: time }, keep_max: { label: words.keep, show: time } };
const jobs: Words<Jobs> = {
  job_timeout: { label: words.jobTimeout, show: time }, queue_keep_after: { label: words.queueKeep, show: time }, queue_limit: { label: words.queueLimit, show: count },
  recurring_min_interval: { label: words.recurring, show: time }, snapshot_max: { label: words.snapshot },
};
const results: Words<Results> = {
  log_retention: { label: words.logs, show: time }, artifact_retention: { label: words.artifacts, show: time }, artifact_size: { label: words.artifactSize }, artifact_files: { label: words.artifactFiles, show: count },
  job_retention: { label: words.jobRecords, show: time }, job_limit: { label: words.jobLimit, show: count },
};
const warned = (draft: Notebooks): Errors<Notebooks> => ({ idle_warning: draft.idle_timeout > 0 && draft.idle_warning >= draft.idle_timeout ? words.warningBad : undefined });

export default function Settings() {
  const settings = useQuery(ask.settings());
  return (
    <Page title={words.title} lead={words.lead}>
      {settings.data ? <Sections settings={settings.data} />
        : settings.error ? <Failure error={settings.error} what={words.failed} unaffected={a.list.unaffected} onRetry={() => void settings.refetch()} />
          : <Waiting><Bones rows={12} widths={[40, 60, 30]} /></Waiting>}
    </Page>
  );
}

type Told = (section: string, changes: number) => void;

function Sections({ settings }: { settings: SystemSettings }) {
  const [open, setOpen] = useState<Record<string, number>>({});
  const tell: Told = useMemo(() => (section, changes) => setOpen((before) => ({ ...before, [section]: changes })), []);
  return (
    <div className="sections settings">
      <Leaving changes={Object.values(open).reduce((all, n) => all + n, 0)} />
      <Saved title={words.look} why={words.lookWhy} settings={settings} labels={look} tell={tell}>{(form) => <><TextField form={form} name="name" max={100} /><Logo form={form} /></>}</Saved>
      <Saved title={words.people} why={words.peopleWhy} settings={settings} labels={people} tell={tell}>
        {(form) => <><SwitchField form={form} name="members_may_invite" help={words.inviteHelp} /><NumberField form={form} name="default_volume_capacity" unit={t.form.units.gib} min={1} help={words.volumeHelp} /></>}
      </Saved>
      <Saved title={words.notebooks} why={words.notebooksWhy} settings={settings} labels={notebooks} check={warned} tell={tell}>
        {(form) => <><TimeField form={form} name="idle_timeout" help={words.idleHelp} /><TimeField form={form} name="idle_warning" /><TimeField form={form} name="keep_max" help={words.keepHelp} /></>}
      </Saved>
      <Saved title={words.jobs} why={words.jobsWhy} settings={settings} labels={jobs} tell={tell}>
        {(form) => (
          <>
            <TimeField form={form} name="job_timeout" help={words.jobTimeoutHelp} /><TimeField form={form} name="queue_keep_after" help={words.queueKeepHelp} />
            <NumberField form={form} name="queue_limit" unit={words.jobsUnit} help={words.anyNumber} /><TimeField form={form} name="recurring_min_interval" /><NumberField form={form} name="snapshot_max" unit={words.mb} min={1} />
          </>
        )}
      </Saved>
      <Saved title={words.results} why={words.resultsWhy} settings={settings} labels={results} tell={tell}>
        {(form) => (
          <>
            <TimeField form={form} name="log_retention" /><TimeField form={form} name="artifact_retention" /><NumberField form={form} name="artifact_size" unit={words.mb} /><NumberField form={form} name="artifact_files" unit={words.files} />
            <TimeField form={form} name="job_retention" /><NumberField form={form} name="job_limit" unit={words.jobsUnit} help={words.anyNumber} />
          </>
        )}
      </Saved>
      <Email />
      <Announcements tell={tell} />
    </div>
  );
}

/** A section that is saved by itself. */
function Saved<T extends Partial<SystemSettings>>({ title, why, settings, labels, check, tell, children }: {
  title: string; why: string; settings: SystemSettings; labels: Words<T>; check?: (draft: T) => Errors<T>; tell: Told; children: (form: Form<T>) => ReactNode;
}) {
  const queries = useQueryClient();
  const saved = useMemo(() => Object.fromEntries(Object.keys(labels).map((key) => [key, settings[key as keyof SystemSettings]])) as T, [labels, settings]);
  const form = useForm<T, SystemSettings>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      try {
        return await body(api.PATCH('/settings', { body: some<SystemSettingsUpdate>({ ...Object.fromEntries(changed.map((key) => [key, draft[key]])), version: settings.version }) }));
      } catch (error) {
        await queries.invalidateQueries({ queryKey: ['settings'] });
        throw error;
      }
    },
    onSaved: (after) => queries.setQueryData(ask.settings().queryKey, after),
  });
  const changes = form.changed.length;
  useEffect(() => tell(title, changes), [tell, title, changes]);
  return (
    <Section title={title} why={why}>
      {children(form)}
      <div className="sectionSave" hidden={changes === 0 && !form.done}>
        {changes > 0 ? <SaveRow form={form} go={words.save} /> : <span role="status" className="why small"><CircleCheck size={14} aria-hidden />{t.form.savedNow}</span>}
      </div>
    </Section>
  );
}

