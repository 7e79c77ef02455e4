import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { admin, type Secret } from '../../../api/admin';
import { LinkButton } from '../../../parts/LinkButton';
import { Ago, Facts, Page } from '../../../parts/page';
import { a } from '../../../text/admin';
import { AdminList, NameCell, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.secrets;
const nameOf = (secret: Secret) => secret.display_name || secret.name;
export const ownerOf = (secret: Secret) => secret.owner ?? secret.group ?? words.platform;
const sharedOf = (secret: Secret) => (secret.kind === 'env' ? '–' : secret.groups.join(', ') || a.list.noGroups);

const columns: Column<Secret>[] = [
  { key: 'name', title: words.columns.name, phone: 'title', className: 'name', cell: (row) => <NameCell to={`/admin/secrets/${row.slug}`} name={nameOf(row)} sub={row.registry || (nameOf(row) === row.name ? undefined : row.name)} /> },
  { key: 'kind', title: words.columns.kind, className: 'soft', phone: 'end', cell: (row) => words.kinds[row.kind] },
  { key: 'owner', title: words.columns.owner, className: 'soft', cell: ownerOf },
  { key: 'shared', title: words.columns.shared, className: 'soft cut', phone: 'none', cell: sharedOf },
  { key: 'changed', title: words.columns.changed, className: 'soft', phone: 'none', cell: (row) => <Ago at={row.updated_at} /> },
];

export default function Secrets() {
  const state = useListState(['all'], '');
  const list = useQuery(admin.secrets({ ...queryOf(state), sort: '' }));
  const create = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to="/admin/secrets/new">{words.create}</LinkButton>;
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <AdminList list={list} state={state} words={words} columns={columns} id={(row) => row.slug} create={create}
        panel={{
          name: nameOf, sub: (row) => row.slug, href: (row) => `/admin/secrets/${row.slug}`,
          read: (row) => <><p className="small">{words.kindHelp[row.kind]}</p><Facts rows={[[words.kind, words.kinds[row.kind]], [words.columns.owner, ownerOf(row)], ...(row.registry ? [[words.registry, row.registry], [words.username, row.username]] as [string, string][] : []), [words.columns.shared, sharedOf(row)], [words.values[row.kind]!, words.keptSince]]} /></>,
        }} />
    </Page>
  );
}
