import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { admin, type Group, type GroupOverview } from '../../../api/admin';
import { itself, known } from '../../../lib/known';
import { RESOURCES, bare, number, show, type Resource } from '../../../lib/resources';
import { Bones, Facts, Failure, Waiting, Who } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { useGiven } from './given';

const words = a.groups;
const SHOWN = 8;

/** What the selected group is. */
export function GroupPanel({ group, overview }: { group: Group; overview: GroupOverview | undefined }) {
  const members = useQuery(admin.members(group.slug));
  const given = useGiven(group.slug);
  const sorted = [...(members.data ?? [])].sort((x, y) => Number(y.role === 'admin') - Number(x.role === 'admin') || x.user.localeCompare(y.user));
  return (
    <>
      {group.folder_problem && <p className="small warnText">{words.folderProblem}: {group.folder_problem}</p>}
      <h3>{words.members}</h3>
      {members.error && !members.data ? <Failure error={members.error} what={words.membersFailed} onRetry={() => void members.refetch()} /> : members.data === undefined ? <Waiting><Bones rows={3} widths={[60]} /></Waiting> : sorted.length === 0 ? <p className="small">{words.noMembers}</p> : (
        <ul className="plain">
          {sorted.slice(0, SHOWN).map((m) => <li key={m.user}><Link to={`/admin/users/${m.user}`}><Who name={m.user} /></Link>{m.role === 'admin' ? <span className="chip">{words.groupAdmin}</span> : <span className="muted">{words.member}</span>}</li>)}
          {sorted.length > SHOWN && <li className="muted">{words.moreMembers(sorted.length - SHOWN)}</li>}
        </ul>
      )}
      <h3>{words.quotas}</h3>
      <table className="mini flat">
        <thead><tr><th scope="col"><span className="sr">{words.quotas}</span></th>{RESOURCES.map((r) => <th key={r} scope="col" className="r">{t.resource[r]}</th>)}</tr></thead>
        <tbody>
          <tr><th scope="row">{words.each}</th>{RESOURCES.map((r) => <td key={r} className="r"><Limit quota={group.user_quota} resource={r} /></td>)}</tr>
          <tr><th scope="row">{words.whole}</th>{RESOURCES.map((r) => <td key={r} className="r"><Limit quota={group.group_quota} resource={r} /></td>)}</tr>
        </tbody>
      </table>
      <h3>{words.mayUse}</h3>
      <Facts rows={[
        [words.types, given ? words.ofAll(given.types.length, given.types.filter((x) => !x.all_groups).length) : '–'],
        [words.images, given ? words.imagesOf(given.images.length, given.images.filter((x) => x.group === group.slug).length) : '–'],
        [words.volumes, given ? given.volumes.map((v) => v.display_name || v.name).join(', ') || a.list.none : '–'],
        [words.volume, group.shared_volume ? [group.shared_volume_capacity === null ? words.volumeOpen : words.volumeOf(String(group.shared_volume_capacity)), group.launch_group_only && words.launchOnly.toLowerCase()].filter(Boolean).join(', ') : a.list.none],
        [words.podSecurity, known(words.levels, group.pod_security)?.label ?? itself(group.pod_security)],
      ]} />
      <h3>{words.now}</h3>
      <Facts rows={[
        [words.running, overview ? words.runningOf(overview.notebooks, overview.jobs) : '–'],
        [words.pending, overview ? overview.waiting === 0 ? a.list.none : words.pendingOf(overview.waiting) : '–'],
        [words.auditLog, <Link key="audit" to={`/admin/audit?group=${group.slug}`}>{words.auditOf}</Link>],
      ]} />
    </>
  );
}

function Limit({ quota, resource }: { quota: Group['user_quota']; resource: Resource }) {
  const limit = number(quota, resource);
  if (limit === null) return <span className="muted">{words.noLimit}</span>;
  return resource === 'memory' ? show(resource, limit) : bare(resource, limit);
}
