import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { admin, type Image } from '../../../api/admin';
import { LinkButton } from '../../../parts/LinkButton';
import { Facts, Page } from '../../../parts/page';
import { Status } from '../../../parts/Status';
import { a } from '../../../text/admin';
import { For } from '../parts/Access';
import { AdminList, NameCell, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.images;
const nameOf = (image: Image) => image.display_name || image.name;

export function fromOf({ source }: Image): string {
  if (source.type === 'container') return source.url;
  if (source.prefix) return source.prefix;
  return [words.packages(source.packages.length), source.base && words.basePackages(source.base)].filter(Boolean).join(' ');
}

/** How far it is: a percent while it is made, why where it failed. */
export const Phase = ({ image, big }: { image: Image; big?: boolean }) => <Status big={big} state={image.phase} note={image.phase === 'BUILDING' ? `${image.progress} %` : image.phase === 'FAILED' && !big ? image.message : ''} />;

const columns: Column<Image>[] = [
  { key: 'name', title: words.columns.name, sort: 'name', phone: 'title', className: 'name', cell: (row) => <NameCell to={`/admin/images/${row.slug}`} name={nameOf(row)} sub={row.description || (nameOf(row) === row.slug ? undefined : row.slug)} /> },
  { key: 'state', title: words.columns.state, phone: 'end', className: 'cut', cell: (row) => <Phase image={row} /> },
  { key: 'from', title: words.columns.from, className: 'cut', phone: 'none', cell: (row) => <code title={fromOf(row)}>{fromOf(row)}</code> },
  { key: 'suits', title: words.columns.suits, className: 'soft', cell: (row) => words.kinds[row.kind] },
  { key: 'for', title: words.columns.for, className: 'soft', cell: (row) => (row.group ? words.ofGroup(row.group) : <For all={row.all_groups} n={row.groups.length} />) },
];

export default function Images() {
  const state = useListState(['all'], '');
  const list = useQuery(admin.images(queryOf(state)));
  const create = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to="/admin/images/new">{words.create}</LinkButton>;
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <AdminList list={list} state={state} words={words} columns={columns} id={(row) => row.slug} create={create}
        panel={{ name: nameOf, sub: (row) => row.slug, href: (row) => `/admin/images/${row.slug}`, read: (row) => <ImagePanel image={row} /> }} />
    </Page>
  );
}

function ImagePanel({ image }: { image: Image }) {
  return (
    <>
      <p><Phase image={image} big /></p>
      {image.message && <p className={image.phase === 'FAILED' ? 'small bad' : 'small'}>{image.message}</p>}
      {image.description && <p className="small">{image.description}</p>}
      <h3>{words.source}</h3>
      <Facts rows={[
        [words.columns.from, <code key="from">{fromOf(image)}</code>], [words.kind, words.kinds[image.kind]],
        [a.access.groups, image.group ? words.ofGroup(image.group) : image.all_groups ? a.list.allGroups : image.groups.join(', ') || a.list.noGroups],
        ...(image.location ? [[words.at, <code key="at">{image.location}</code>] as [string, React.ReactNode]] : []),
      ]} />
      {image.source.type === 'environment' && image.source.packages.length > 0 && <><h3>{words.packagesLabel}</h3><ul className="plain">{image.source.packages.map((name) => <li key={name}><code>{name}</code></li>)}</ul></>}
    </>
  );
}
