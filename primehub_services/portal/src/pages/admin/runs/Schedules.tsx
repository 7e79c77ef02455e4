import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { admin } from '../../../api/admin';
import type { Schedule } from '../../../api/types';
import { exact } from '../../../lib/format';
import { useMe } from '../../../lib/session';
import { Page, Who } from '../../../parts/page';
import { Status } from '../../../parts/Status';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { isMember } from '../../../lib/job-paths';
import { nextRun, outcomeOf } from '../../schedules/words';
import { AdminList, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.schedules;
const VIEWS = ['all', 'paused'] as const;

const columns: Column<Schedule>[] = [
  { key: 'next', title: words.columns.next, sort: 'next_at', phone: 'end', cell: (row) => <span className={row.paused ? 'muted' : undefined} title={row.next_at ? exact(row.next_at) : row.pause_reason}>{nextRun(row)}</span> },
  { key: 'name', title: words.columns.name, sort: 'name', phone: 'title', className: 'name', cell: (row) => <Name schedule={row} /> },
  { key: 'user', title: words.columns.user, sort: 'user', cell: (row) => <Link to={`/admin/users/${row.user}`}><Who name={row.user} /></Link> },
  { key: 'group', title: words.columns.group, sort: 'group', className: 'soft', cell: (row) => <Link to={`/admin/groups/${row.group}`}>{row.group}</Link> },
  { key: 'recurrence', title: words.columns.recurrence, className: 'soft', phone: 'line', cell: (row) => row.reading },
  { key: 'last', title: words.columns.last, className: 'soft', phone: 'none', cell: (row) => <Last schedule={row} /> },
];

/** What starts by the clock, in every group, to read: what it runs is its owner's, and its group's pages change it. */
export default function Schedules() {
  const state = useListState(VIEWS, 'next_at');
  const list = useQuery(admin.schedules({ ...queryOf(state), ...(state.view === 'paused' && { paused: true }) }));
  return (
    <Page title={words.title} lead={words.lead}>
      <AdminList list={list} state={state} words={words} columns={columns} id={(row) => row.id} version={(row) => row.version} views={VIEWS.map((key) => ({ key, text: t.schedules.view[key] }))} filtered={state.search !== '' || state.view === 'paused'} />
    </Page>
  );
}

/** A group's pages are its members': to others the name is only a name. */
function Name({ schedule }: { schedule: Schedule }) {
  const me = useMe();
  return isMember(me, schedule.group) ? <Link className="strong" to={`/g/${schedule.group}/recurring-jobs/${schedule.id}`}>{schedule.name}</Link> : <span className="strong">{schedule.name}</span>;
}

function Last({ schedule: { last } }: { schedule: Schedule }) {
  if (!last) return <>{t.schedules.never}</>;
  if (!last.phase || !last.job) return <>{outcomeOf(last)}</>;
  return <Link to={`/admin/jobs/${last.job}`} title={outcomeOf(last)}><Status state={last.phase} /></Link>;
}
