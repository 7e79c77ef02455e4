import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { admin, type Group, type GroupOverview } from '../../../api/admin';
import { count } from '../../../lib/format';
import { LinkButton } from '../../../parts/LinkButton';
import { Ago, Page } from '../../../parts/page';
import { a } from '../../../text/admin';
import { AdminList, NameCell, queryOf, useListState, type Column } from '../parts/AdminList';
import { Use } from '../parts/Use';
import { GroupPanel } from './GroupPanel';

const words = a.groups;
const nameOf = (group: Group) => group.display_name || group.name;

const columns = (of: (row: Group) => GroupOverview | undefined): Column<Group>[] => [
  { key: 'name', title: words.columns.name, sort: 'name', phone: 'title', className: 'name', cell: (row) => <NameCell to={`/admin/groups/${row.slug}`} name={nameOf(row)} sub={row.slug} /> },
  { key: 'people', title: words.columns.people, named: true, end: true, phone: 'end', cell: (row) => <People n={of(row)?.people} /> },
  { key: 'cpu', title: words.columns.cpu, named: true, className: 'apart', cell: (row) => <Use usage={of(row)?.total} resource="cpu" /> },
  { key: 'memory', title: words.columns.memory, named: true, cell: (row) => <Use usage={of(row)?.total} resource="memory" /> },
  { key: 'gpu', title: words.columns.gpu, phone: 'none', cell: (row) => <Use usage={of(row)?.total} resource="gpu" /> },
  { key: 'volume', title: words.columns.volume, className: 'soft', phone: 'none', cell: (row) => volumeOf(row) },
  { key: 'made', title: words.columns.made, className: 'soft', phone: 'none', cell: (row) => <Ago at={row.created_at} /> },
];

const People = ({ n }: { n: number | undefined }) => (n === undefined ? <span className="muted">–</span> : n === 0 ? <span className="muted">0</span> : count(n));
const volumeOf = (group: Group) => (!group.shared_volume ? <span className="muted">{a.list.none}</span> : group.shared_volume_capacity === null ? words.volumeOpen : words.volumeOf(count(group.shared_volume_capacity)));

export default function Groups() {
  const state = useListState(['all'], 'name');
  const list = useQuery(admin.groups(queryOf(state)));
  const overview = useQuery(admin.overview());
  const bySlug = new Map(overview.data?.groups.map((group) => [group.group, group]));
  const create = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to="/admin/groups/new">{words.create}</LinkButton>;
  return (
    <Page title={words.title} lead={overview.data ? words.lead(overview.data.groups.length, overview.data.people) : '\u00a0'} actions={create}>
      <AdminList list={list} state={state} words={words} columns={columns((row) => bySlug.get(row.slug))} id={(row) => row.slug} version={(row) => row.version} create={create}
        panel={{ name: nameOf, sub: (row) => row.slug, href: (row) => `/admin/groups/${row.slug}`, read: (row) => <GroupPanel group={row} overview={bySlug.get(row.slug)} /> }} />
    </Page>
  );
}
