import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Plus } from 'lucide-react';
import { Link } from 'react-router';
import { ask, type ScheduleFilter } from '../../api/queries';
import type { Schedule } from '../../api/types';
import { exact } from '../../lib/format';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { DataTable, type Column } from '../../parts/list/DataTable';
import { ListBar, shownColumns } from '../../parts/list/ListBar';
import { Pager } from '../../parts/list/Pager';
import { SIZE, useListState } from '../../parts/list/address';
import { Empty, Failure, Page, Who } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { ScheduleRowActions } from './actions';
import { nextRun, outcomeOf } from './words';

const VIEWS = ['all', 'paused', 'mine'] as const;

export default function Schedules() {
  const group = useGroup();
  const me = useMe();
  const state = useListState(VIEWS, 'name');
  const narrowed = { all: {}, paused: { paused: true }, mine: { user: me.name } }[state.view];
  const filter: ScheduleFilter = { search: state.search, sort: state.sort, ...narrowed };
  const list = useQuery(ask.schedules(group.group, state.page, SIZE, filter));
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`/g/${group.group}/recurring-jobs/new`}>{t.schedules.create}</LinkButton>;
  return (
    <Page title={t.shell.schedules} actions={make}>
      <ListBar state={state} search={t.schedules.search} columns={columns} views={VIEWS.map((key) => ({ key, text: t.schedules.view[key] }))} />
      {list.error && !list.data ? <Failure error={list.error} what={t.schedules.failed} unaffected={t.jobs.unaffected} onRetry={() => void list.refetch()} />
        : list.data?.total === 0
          ? state.filtered ? <Empty title={state.search ? t.schedules.nothingOf(state.search) : t.schedules.nothing} action={<Button onClick={state.clear}>{t.jobs.clear}</Button>} /> : <Empty title={t.schedules.none} action={make}>{t.schedules.noneWhy}</Empty>
          : (
            <DataTable label={t.shell.schedules} columns={shownColumns(columns, state.columns)} rows={list.data?.items} stale={list.isPlaceholderData} idOf={(schedule) => schedule.id} versionOf={(schedule) => schedule.version}
              question={JSON.stringify([group.group, state.page, filter])} sort={state.sort} onSort={(sort) => state.put({ sort: sort === 'name' ? null : sort })} />
          )}
      <Pager label={t.shell.schedules} page={state.page} total={list.data?.total} stale={list.isPlaceholderData} onTurn={(page) => state.put({ page: String(page) })} />
    </Page>
  );
}

/** How the job of its last due time does, or what else became of that. */
function Last({ schedule: { group, last } }: { schedule: Schedule }) {
  if (!last) return <>{t.schedules.never}</>;
  if (!last.phase) return <>{outcomeOf(last)}</>;
  return <Link to={`/g/${group}/jobs/${last.job}`} title={outcomeOf(last)}><Status state={last.phase} /></Link>;
}

const words = t.schedules.columns;
const columns: Column<Schedule>[] = [
  { key: 'next', title: words.next, sort: 'next_at', fixed: true, phone: 'end', cell: (schedule) => <span className={schedule.paused ? 'muted' : undefined} title={schedule.next_at ? exact(schedule.next_at) : schedule.pause_reason}>{nextRun(schedule)}</span> },
  { key: 'name', title: words.name, sort: 'name', fixed: true, phone: 'title', className: 'name', cell: (schedule) => <Link className="strong" to={`/g/${schedule.group}/recurring-jobs/${schedule.id}`}>{schedule.name}</Link> },
  { key: 'recurrence', title: words.recurrence, className: 'soft', phone: 'line', cell: (schedule) => schedule.reading },
  { key: 'last', title: words.last, className: 'soft', phone: 'none', cell: (schedule) => <Last schedule={schedule} /> },
  { key: 'timezone', title: words.timezone, from: 'off', className: 'soft', phone: 'none', cell: (schedule) => schedule.timezone },
  { key: 'type', title: words.type, from: 'off', className: 'soft', phone: 'none', cell: (schedule) => schedule.job.instance_type },
  { key: 'image', title: words.image, from: 'off', className: 'soft', phone: 'none', cell: (schedule) => schedule.job.image },
  { key: 'user', title: words.user, sort: 'user', cell: (schedule) => <Who name={schedule.user} /> },
  { key: 'actions', title: words.actions, end: true, fixed: true, cell: (schedule) => <ScheduleRowActions schedule={schedule} /> },
];
