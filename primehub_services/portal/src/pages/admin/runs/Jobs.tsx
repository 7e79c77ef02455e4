import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { admin } from '../../../api/admin';
import type { Job } from '../../../api/types';
import { useNow } from '../../../lib/clock';
import { Ago, Page, Who } from '../../../parts/page';
import { Status } from '../../../parts/Status';
import { a } from '../../../text/admin';
import { RowActions } from '../../jobs/actions';
import { noteOf, took, watch } from '../../jobs/words';
import { AdminList, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.jobs;
const VIEWS = ['active', 'PENDING', 'FAILED', 'all'] as const;

const columns: Column<Job>[] = [
  { key: 'state', title: words.columns.state, phone: 'end', className: 'cut', cell: (row) => <Status state={row.phase} note={noteOf(row)} /> },
  { key: 'name', title: words.columns.name, sort: 'name', phone: 'title', className: 'name', cell: (row) => <Link className="strong" to={`/admin/jobs/${row.id}`}>{row.name}</Link> },
  { key: 'user', title: words.columns.user, sort: 'user', cell: (row) => <Who name={row.user} /> },
  { key: 'group', title: words.columns.group, sort: 'group', className: 'soft', cell: (row) => <Link to={`/admin/groups/${row.group}`}>{row.group}</Link> },
  { key: 'type', title: words.columns.type, sort: 'instance_type', className: 'soft', phone: 'none', cell: (row) => row.instance_type },
  { key: 'image', title: words.columns.image, sort: 'image', className: 'soft cut', phone: 'none', cell: (row) => row.image },
  { key: 'submitted', title: words.columns.submitted, sort: 'created_at', className: 'soft', cell: (row) => <Ago at={row.created_at} /> },
  { key: 'took', title: words.columns.took, end: true, phone: 'none', cell: (row) => <Took job={row} /> },
  { key: 'actions', title: words.columns.actions, end: true, cell: (row) => <RowActions job={row} /> },
];

export default function Jobs() {
  const state = useListState(VIEWS, '-created_at');
  const { view } = state;
  const list = useQuery(admin.jobs({ ...queryOf(state), ...(view === 'active' ? { active: true } : view === 'all' ? {} : { phase: view }) }));
  const views = VIEWS.map((key) => ({ key, text: words.views[key] }));
  return (
    <Page title={words.title} lead={words.lead}>
      <AdminList list={list} state={state} words={view === 'all' ? { ...words, none: words.noneAll } : words} columns={columns} id={(row) => row.id} views={views} filtered={state.search !== '' || view === 'PENDING' || view === 'FAILED'} />
    </Page>
  );
}

function Took({ job }: { job: Job }) {
  const now = useNow(1000);
  const time = took(job, now);
  return <>{time === null ? '–' : watch(time)}</>;
}
