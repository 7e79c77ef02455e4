import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Plus } from 'lucide-react';
import { Link } from 'react-router';
import { ask, type JobFilter } from '../../api/queries';
import type { Job, JobCounts } from '../../api/types';
import { useNow } from '../../lib/clock';
import { count, exact } from '../../lib/format';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { DataTable, type Column } from '../../parts/list/DataTable';
import { ListBar, shownColumns } from '../../parts/list/ListBar';
import { Pager } from '../../parts/list/Pager';
import { SIZE, sinceDays, useListState } from '../../parts/list/address';
import { Ago, Empty, Failure, Page, Who } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { RowActions } from './actions';
import { ended, gist, noteOf, took, watch } from './words';

const VIEWS = ['all', 'active', 'pending', 'failed', 'mine'] as const;
type View = (typeof VIEWS)[number];

export default function Jobs() {
  const group = useGroup();
  const me = useMe();
  const now = useNow(60_000);
  const state = useListState(VIEWS, '-created_at');
  const since = sinceDays(state.days, now);
  const filter: JobFilter = { ...narrowed(state.view, me.name), sort: state.sort, ...(state.search && { search: state.search }), ...(since && { since }) };
  const jobs = useQuery(ask.jobs(group.group, state.page, SIZE, filter));
  const counts = useQuery(ask.jobCounts(group.group, state.search, since));
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`/g/${group.group}/jobs/new`}>{t.jobs.create}</LinkButton>;
  const table = (
    <DataTable label={t.shell.jobs} columns={shownColumns(columns, state.columns)} rows={jobs.data?.items} stale={jobs.isPlaceholderData} idOf={(job) => job.id} versionOf={(job) => job.version}
      question={JSON.stringify([group.group, state.page, { ...filter, since: state.days }])} sort={state.sort} onSort={(sort) => state.put({ sort: sort === '-created_at' ? null : sort })} />
  );
  return (
    <Page title={t.shell.jobs} actions={make}>
      <ListBar state={state} search={t.jobs.search} ranges columns={columns} counting={counts.isPending} views={VIEWS.map((key) => ({ key, text: t.jobs.view[key], count: counted(counts.data, key) }))} />
      {jobs.error && !jobs.data ? <Failure error={jobs.error} what={t.jobs.failed} unaffected={t.jobs.unaffected} onRetry={() => void jobs.refetch()} />
        : jobs.data?.total !== 0 ? table
          : state.filtered ? <Empty title={state.search ? t.jobs.nothingOf(state.search) : t.jobs.nothing} action={<Button onClick={state.clear}>{t.jobs.clear}</Button>}>{t.jobs.searched}</Empty>
            : <Empty title={t.jobs.none} action={make}>{t.jobs.noneWhy}</Empty>}
      <Pager label={t.shell.jobs} page={state.page} total={jobs.data?.total} stale={jobs.isPlaceholderData} onTurn={(page) => state.put({ page: String(page) })} />
    </Page>
  );
}

/** "Not ended" has what is prepared and what is lost sight of too, which stand in no view by their phase. */
function narrowed(view: View, me: string): JobFilter {
  const views: Record<View, JobFilter> = { all: {}, active: { active: true }, pending: { phase: 'PENDING' }, failed: { phase: 'FAILED' }, mine: { user: me } };
  return views[view];
}

function counted(counts: JobCounts | undefined, view: View): number | undefined {
  if (!counts) return undefined;
  if (view === 'all' || view === 'active' || view === 'mine') return counts[view];
  return counts.phases[view === 'pending' ? 'PENDING' : 'FAILED'] ?? 0;
}

/** Only what still goes on has a clock of its own. */
const Took = ({ job }: { job: Job }) => (ended(job) ? <>{time(job, 0)}</> : <Ticking job={job} />);
const Ticking = ({ job }: { job: Job }) => <>{time(job, useNow(1000))}</>;
const time = (job: Job, now: number) => {
  const seconds = took(job, now);
  return seconds === null ? '–' : watch(seconds);
};

const words = t.jobs.columns;
const columns: Column<Job>[] = [
  { key: 'state', title: words.state, sort: 'phase', fixed: true, cell: (job) => <Status state={job.phase} note={noteOf(job)} /> },
  {
    key: 'name', title: words.name, sort: 'name', fixed: true, phone: 'title', className: 'name',
    cell: (job) => <><Link className="strong" to={`/g/${job.group}/jobs/${job.id}`}>{job.name}</Link>{job.schedule_name && <Link className="chip after" to={`/g/${job.group}/recurring-jobs/${job.schedule}`} title={t.jobs.madeBy(job.schedule_name)}>{job.schedule_name === job.name ? t.jobs.recurring : job.schedule_name}</Link>}</>,
  },
  { key: 'command', title: words.command, from: 'wide', className: 'soft cut', phone: 'none', cell: (job) => <code title={job.command}>{job.notebook ? job.notebook.path : gist(job.command)}</code> },
  { key: 'user', title: words.user, sort: 'user', cell: (job) => <Who name={job.user} /> },
  { key: 'type', title: words.type, sort: 'instance_type', className: 'soft', phone: 'none', cell: (job) => job.instance_type },
  { key: 'image', title: words.image, sort: 'image', className: 'soft', phone: 'none', cell: (job) => job.image },
  { key: 'id', title: words.id, from: 'off', className: 'soft', phone: 'none', cell: (job) => <code>{job.id}</code> },
  { key: 'submitted', title: words.submitted, sort: 'created_at', className: 'soft', phone: 'end', cell: (job) => <Ago at={job.created_at} /> },
  { key: 'started', title: words.started, sort: 'started_at', from: 'off', className: 'soft', phone: 'none', cell: (job) => (job.started_at ? <Ago at={job.started_at} /> : '–') },
  { key: 'ended', title: words.ended, sort: 'ended_at', from: 'off', className: 'soft', phone: 'none', cell: (job) => (job.ended_at ? <Ago at={job.ended_at} /> : '–') },
  { key: 'files', title: words.files, from: 'off', end: true, className: 'soft', phone: 'none', cell: (job) => (job.artifacts.files > 0 ? count(job.artifacts.files) : <span className="muted">0</span>) },
  { key: 'took', title: words.took, end: true, phone: 'none', cell: (job) => <span title={job.started_at ? exact(job.started_at) : undefined}><Took job={job} /></span> },
  { key: 'actions', title: words.actions, end: true, fixed: true, cell: (job) => <RowActions job={job} /> },
];
