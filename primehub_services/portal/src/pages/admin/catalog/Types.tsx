import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { admin, type InstanceType } from '../../../api/admin';
import { count, duration, gib } from '../../../lib/format';
import { summary } from '../../../lib/resources';
import { LinkButton } from '../../../parts/LinkButton';
import { Facts, Page } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { For } from '../parts/Access';
import { AdminList, NameCell, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.types;
const nameOf = (type: InstanceType) => type.display_name || type.name;
const sureOf = (type: InstanceType) => (type.cpu_request === null && type.memory_request === null ? words.all : summary({ cpu: type.cpu_request ?? type.cpu_limit, memory: type.memory_request ?? type.memory_limit, gpu: 0 }));
const idleOf = (type: InstanceType) => (type.idle_timeout === null ? t.form.asPlatform('').replace(/[: ]+$/, '') : type.idle_timeout === 0 ? t.form.never : duration(type.idle_timeout));

const columns: Column<InstanceType>[] = [
  { key: 'name', title: words.columns.name, phone: 'title', className: 'name', cell: (row) => <NameCell to={`/admin/instance-types/${row.slug}`} name={nameOf(row)} sub={row.description || (nameOf(row) === row.slug ? undefined : row.slug)} /> },
  { key: 'cpu', title: words.columns.cpu, named: true, end: true, cell: (row) => count(row.cpu_limit) },
  { key: 'memory', title: words.columns.memory, named: true, end: true, cell: (row) => count(gib(row.memory_limit)) },
  { key: 'gpu', title: words.columns.gpu, named: true, end: true, cell: (row) => (row.gpu_limit === 0 ? <span className="muted">0</span> : row.gpu_limit) },
  { key: 'sure', title: words.columns.sure, className: 'soft apart', phone: 'none', cell: sureOf },
  { key: 'for', title: words.columns.for, className: 'soft', phone: 'end', cell: (row) => <For all={row.all_groups} n={row.groups.length} /> },
  { key: 'idle', title: words.columns.idle, className: 'soft', phone: 'none', cell: idleOf },
];

export default function Types() {
  const state = useListState(['all'], '');
  const list = useQuery(admin.types(queryOf(state)));
  const create = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to="/admin/instance-types/new">{words.create}</LinkButton>;
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <AdminList list={list} state={state} words={words} columns={columns} id={(row) => row.slug} version={(row) => row.version} create={create}
        panel={{ name: nameOf, sub: (row) => row.slug, href: (row) => `/admin/instance-types/${row.slug}`, read: (row) => <TypePanel type={row} /> }} />
    </Page>
  );
}

const TypePanel = ({ type }: { type: InstanceType }) => (
  <>
    {type.description && <p className="small">{type.description}</p>}
    <h3>{words.size}</h3>
    <Facts rows={[
      [words.size, summary({ cpu: type.cpu_limit, memory: type.memory_limit, gpu: type.gpu_limit })], [words.sure, sureOf(type)], [t.notebook.facts.idle, idleOf(type)],
      [a.access.groups, type.all_groups ? a.list.allGroups : type.groups.join(', ') || a.list.noGroups],
    ]} />
    <h3>{words.placement}</h3>
    <Facts rows={[
      [words.selector, Object.entries(type.node_selector).map(([key, value]) => `${key}=${value}`).join(', ') || a.list.none],
      [words.tolerations, type.tolerations.length === 0 ? a.list.none : words.tolerated(type.tolerations.length)],
    ]} />
  </>
);
