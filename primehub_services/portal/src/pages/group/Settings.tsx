import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Group } from '../../api/types';
import { duration, memory } from '../../lib/format';
import { itself, known } from '../../lib/known';
import { RESOURCES, nameOfResource, number, show } from '../../lib/resources';
import { useGroup, useMe } from '../../lib/session';
import { TimeoutField, showTimeout } from '../../parts/form/fields';
import { useForm, type Words } from '../../parts/form/form';
import { FormPage, Section } from '../../parts/form/FormPage';
import { useSome } from '../../parts/list/some';
import { Bones, Day, Facts, Failure, Page, Panel, Waiting, Who } from '../../parts/page';
import { t } from '../../text';
import { g } from '../../text/groups';
import { Secrets } from './Secrets';

const words = g.settings;
type Draft = { job_timeout: number | null };
const labels: Words<Draft> = { job_timeout: { label: words.timeout, show: showTimeout } };

/** What the group is. One field is its admins' to change; the rest is told. */
export default function Settings() {
  const mine = useGroup();
  const me = useMe();
  const group = useQuery(ask.group(mine.group));
  const admin = me.platform_admin || mine.role === 'admin';
  return (
    <Page title={admin ? words.title : words.about} lead={words.lead}>
      {group.data ? (admin ? <Edit group={group.data} /> : <div className="sections"><Told group={group.data} /><Members group={mine.group} /></div>)
        : group.error ? <Panel><Failure error={group.error} what={words.failed} onRetry={() => void group.refetch()} /></Panel>
          : <Waiting><Bones rows={8} widths={[60, 40]} /></Waiting>}
    </Page>
  );
}

function Edit({ group }: { group: Group }) {
  const queries = useQueryClient();
  const settings = useQuery(ask.settings());
  const form = useForm<Draft, unknown>({
    saved: { job_timeout: group.job_timeout }, words: labels,
    save: async ({ job_timeout }) => {
      try {
        await body(api.PATCH('/groups/{group}', { params: { path: { group: group.slug } }, body: { version: group.version, job_timeout } as never }));
      } finally {
        await queries.invalidateQueries({ queryKey: ['groups'] });
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects} after={<><Section title={g.secrets.title} why={g.secrets.groupWhy}><Secrets group={group.slug} /></Section><Members group={group.slug} /><Told group={group} /></>}>
      <Section title={words.jobs} why={words.jobsWhy}><TimeoutField form={form} name="job_timeout" platform={settings.data?.job_timeout} first={28_800} /></Section>
    </FormPage>
  );
}

const names = (things: readonly { name: string }[]) => things.map((thing) => thing.name).sort((x, y) => x.localeCompare(y)).join(', ') || words.nothing;

function Told({ group }: { group: Group }) {
  const settings = useQuery(ask.settings());
  const has = useQuery(ask.launchOptions(group.slug)).data;
  const idle = (seconds: number) => (seconds === 0 ? words.never : words.after(duration(seconds)));
  const level = known(words.levels, group.pod_security);
  const rows: [string, React.ReactNode][] = [
    [words.name, <code key="n">{group.name}</code>],
    ...(group.description ? [[words.description, group.description] as [string, string]] : []),
    [words.folder, group.shared_volume ? <><code>/project/{group.slug}</code>{group.shared_volume_capacity !== null && `, ${memory(group.shared_volume_capacity)}`}<div className="small">{group.launch_group_only ? words.folderHere : words.folderAnywhere}</div></> : words.folderNone],
    ...([[words.types, has?.instance_types], [words.images, has?.images], [words.volumes, has?.volumes]] as const).map(([label, things]): [string, string] => [label, things ? names(things) : '–']),
    [words.podSecurity, level ? <div key="p">{level.label}<div className="small">{level.help}</div></div> : itself(group.pod_security)],
    [words.idle, group.idle_timeout !== null ? idle(group.idle_timeout) : settings.data ? words.platform(idle(settings.data.idle_timeout)) : '–'],
    [words.created, <Day key="c" at={group.created_at} />],
  ];
  const amount = (quota: Group['user_quota'], resource: (typeof RESOURCES)[number]) => {
    const value = number(quota, resource);
    return value === null ? words.noLimit : show(resource, value);
  };
  return (
    <Section title={words.facts} why={words.factsWhy}>
      <Facts rows={rows} />
      <table className="sheet factTable">
        <thead><tr><th scope="col">{words.quota}</th><th scope="col" className="r">{words.quotaColumns.each}</th><th scope="col" className="r">{words.quotaColumns.all}</th></tr></thead>
        <tbody>{RESOURCES.map((resource) => <tr key={resource}><td>{nameOfResource(resource)}</td><td className="r">{amount(group.user_quota, resource)}</td><td className="r">{amount(group.group_quota, resource)}</td></tr>)}</tbody>
      </table>
    </Section>
  );
}

function Members({ group }: { group: string }) {
  const me = useMe();
  const members = useQuery(ask.members(group));
  const settings = useQuery(ask.settings());
  const { shown, find, more } = useSome(members.data?.items ?? [], words.members.toLowerCase(), (m) => `${m.user} ${m.display_name}`);
  return (
    <Section title={words.members} why={words.membersWhy(settings.data?.members_may_invite === true)}>
      {find}
      {members.data ? (
        <ul className="plain">
          {shown.map((m) => <li key={m.user}><span><Who name={m.user} />{m.display_name && m.display_name !== m.user && <span className="muted"> {m.display_name}</span>}{m.user === me.name && <span className="chip after">{words.you}</span>}</span><span className="muted">{t.profile.role[m.role]}</span></li>)}
        </ul>
      ) : members.error ? <Failure error={members.error} what={words.membersFailed} onRetry={() => void members.refetch()} /> : <Waiting><Bones rows={4} /></Waiting>}
      {more}
    </Section>
  );
}
