import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Copy, Plus } from 'lucide-react';
import { useState } from 'react';
import { admin, type Volume } from '../../../api/admin';
import { copyText } from '../../../lib/copy';
import { LinkButton } from '../../../parts/LinkButton';
import { Ago, Facts, Page, Panel } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { For } from '../parts/Access';
import { AdminList, NameCell, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.volumes;
const nameOf = (volume: Volume) => volume.display_name || volume.name;

export function whatOf({ source }: Volume): string {
  switch (source.type) {
    case 'pvc': return source.claim ?? (source.capacity === null ? words.noSize : words.gib(source.capacity));
    case 'nfs': return `${source.server}:${source.path}`;
    case 'hostPath': return source.path;
    case 'git': return source.ref ? `${source.url} (${source.ref})` : source.url;
    case 'env': return words.variableCount(Object.keys(source.variables).length);
  }
}

const columns: Column<Volume>[] = [
  { key: 'name', title: words.columns.name, phone: 'title', className: 'name', cell: (row) => <NameCell to={`/admin/volumes/${row.slug}`} name={nameOf(row)} sub={`/datasets/${row.slug}`} /> },
  { key: 'kind', title: words.columns.kind, className: 'soft', cell: (row) => words.kinds[row.source.type] },
  { key: 'at', title: words.columns.at, className: 'soft cut', phone: 'none', cell: (row) => <span title={whatOf(row)}>{whatOf(row)}</span> },
  { key: 'for', title: words.columns.for, className: 'soft', phone: 'end', cell: (row) => <For all={row.all_groups} n={row.groups.length} /> },
  { key: 'state', title: words.columns.state, className: 'cut', cell: (row) => (row.message ? <span className="warnText" title={row.message}>{words.leftOut}: {row.message}</span> : row.content?.commit ? <span className="soft">{words.fetchedAt(row.content.commit.slice(0, 8))}</span> : words.inUse) },
];

export default function Volumes() {
  const state = useListState(['all'], '');
  const list = useQuery(admin.volumes(queryOf(state)));
  const create = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to="/admin/volumes/new">{words.create}</LinkButton>;
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <AdminList list={list} state={state} words={words} columns={columns} id={(row) => row.slug} create={create}
        panel={{ name: nameOf, sub: (row) => row.slug, href: (row) => `/admin/volumes/${row.slug}`, read: (row) => <VolumePanel volume={row} /> }} />
    </Page>
  );
}

const VolumePanel = ({ volume }: { volume: Volume }) => (
  <>
    {volume.message && <p className="small warnText">{volume.message}</p>}
    {volume.description && <p className="small">{volume.description}</p>}
    <h3>{words.source}</h3>
    <Facts rows={[[words.kind, words.kinds[volume.source.type]], [words.columns.at, whatOf(volume)], [words.mounted, <code key="m">/datasets/{volume.slug}</code>]]} />
    <h3>{a.access.groups}</h3>
    {volume.all_groups && <p className="small">{a.access.all}</p>}
    <ul className="plain">{volume.groups.map((g) => <li key={g.group}><span>{g.group}</span><span className="muted">{g.writable ? a.access.writable : a.access.readOnly}</span></li>)}</ul>
    {!volume.all_groups && volume.groups.length === 0 && <p className="small">{a.access.nobody}</p>}
    {volume.content && <Content volume={volume} />}
  </>
);

/** What an operator of the cluster applies for a share or a folder of its nodes; nothing on one machine. */
export function Bind({ volume }: { volume: Volume }) {
  const bound = volume.source.type === 'nfs' || volume.source.type === 'hostPath';
  const { data } = useQuery(admin.volumeManifests(volume.slug, bound));
  const [copied, setCopied] = useState(false);
  if (!bound || !data) return null;
  return (
    <Panel>
      <h3>{words.bind}</h3>
      <p className="small">{words.bindHow}</p>
      <pre className="command" tabIndex={0} aria-label={words.bind}>{data.yaml}</pre>
      <Button icon={<Copy size={14} aria-hidden />} onClick={() => void copyText(data.yaml).then(() => setCopied(true))}>{copied ? t.form.copied : t.form.copy}</Button>
    </Panel>
  );
}

export function Content({ volume }: { volume: Volume }) {
  if (!volume.content) return null;
  return (
    <>
      <h3>{words.content}</h3>
      <Facts rows={[[words.commit, <code key="c">{volume.content.commit.slice(0, 12)}</code>], [words.fetched, <Ago key="f" at={volume.content.fetched_at} />], ...(volume.content.problem ? [[words.problem, <span key="p" className="warnText">{volume.content.problem}</span>] as [string, React.ReactNode]] : [])]} />
    </>
  );
}
