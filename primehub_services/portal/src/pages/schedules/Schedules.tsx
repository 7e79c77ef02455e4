import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Plus } from 'lucide-react';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import type { Schedule } from '../../api/types';
import { exact } from '../../lib/format';
import { useGroup } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { DataTable, type Column } from '../../parts/list/DataTable';
import { ListBar } from '../../parts/list/ListBar';
import { Pager } from '../../parts/list/Pager';
import { SIZE, useListState } from '../../parts/list/address';
import { Empty, Failure, Page, Who } from '../../parts/page';
import { t } from '../../text';
import { ScheduleRowActions } from './actions';
import { nextRun } from './words';

export default function Schedules() {
  const group = useGroup();
  const state = useListState(['all'], 'name');
  const list = useQuery(ask.schedules(group.group, state.page, SIZE, state.search, state.sort));
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`/g/${group.group}/recurring-jobs/new`}>{t.schedules.create}</LinkButton>;
  return (
    <Page title={t.shell.schedules} actions={make}>
      <ListBar state={state} search={t.schedules.search} />
      {list.error && !list.data ? <Failure error={list.error} what={t.schedules.failed} unaffected={t.jobs.unaffected} onRetry={() => void list.refetch()} />
        : list.data?.total === 0
          ? state.filtered ? <Empty title={t.schedules.nothingOf(state.search)} action={<Button onClick={state.clear}>{t.jobs.clear}</Button>} /> : <Empty title={t.schedules.none} action={make}>{t.schedules.noneWhy}</Empty>
          : (
            <DataTable label={t.shell.schedules} columns={columns} rows={list.data?.items} stale={list.isPlaceholderData} idOf={(schedule) => schedule.id} versionOf={(schedule) => schedule.version}
              question={JSON.stringify([group.group, state.page, state.search, state.sort])} sort={state.sort} onSort={(sort) => state.put({ sort: sort === 'name' ? null : sort })} />
          )}
      <Pager label={t.shell.schedules} page={state.page} total={list.data?.total} onTurn={(page) => state.put({ page: String(page) })} />
    </Page>
  );
}

const words = t.schedules.columns;
const columns: Column<Schedule>[] = [
  { key: 'next', title: words.next, sort: 'next_at', phone: 'end', cell: (schedule) => <span className={schedule.paused ? 'muted' : undefined} title={schedule.next_at ? exact(schedule.next_at) : schedule.pause_reason}>{nextRun(schedule)}</span> },
  { key: 'name', title: words.name, sort: 'name', phone: 'title', className: 'name', cell: (schedule) => <Link className="strong" to={`/g/${schedule.group}/recurring-jobs/${schedule.id}`}>{schedule.name}</Link> },
  { key: 'recurrence', title: words.recurrence, className: 'soft', cell: (schedule) => schedule.reading },
  { key: 'last', title: words.last, className: 'soft', phone: 'none', cell: (schedule) => (schedule.last ? t.schedules.outcome[schedule.last.outcome] : t.schedules.never) },
  { key: 'user', title: words.user, cell: (schedule) => <Who name={schedule.user} /> },
  { key: 'actions', title: words.actions, end: true, cell: (schedule) => <ScheduleRowActions schedule={schedule} /> },
];
