import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Plus } from 'lucide-react';
import { Link, Navigate } from 'react-router';
import { ask } from '../../api/queries';
import type { Image } from '../../api/types';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { DataTable, type Column } from '../../parts/list/DataTable';
import { ListBar } from '../../parts/list/ListBar';
import { Pager } from '../../parts/list/Pager';
import { SIZE, useListState } from '../../parts/list/address';
import { Empty, Failure, NoPermission, Page } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { g } from '../../text/groups';

const words = g.images;

/** Images of the group and those of the platform that it may use; the group's own can be opened. */
export default function Images() {
  const group = useGroup();
  const me = useMe();
  const state = useListState(['all'], 'name');
  const images = useQuery(ask.images(group.group, state.page, state.search, state.sort));
  const base = `/g/${group.group}/images`;
  if (!me.platform_admin && group.role !== 'admin') return <Page title={words.title}><NoPermission title={t.groupAdmin.only}>{t.groupAdmin.why(me.name)}</NoPermission></Page>;
  if (new URLSearchParams(location.search).get('new') === '1') return <Navigate replace to={`${base}/new`} />;
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`${base}/new`}>{words.create}</LinkButton>;
  return (
    <Page title={words.title} lead={words.lead} actions={make}>
      <ListBar state={state} search={words.search} />
      {images.error && !images.data ? <Failure error={images.error} what={words.failed} unaffected={words.unaffected} onRetry={() => void images.refetch()} />
        : images.data?.total === 0 ? (state.filtered ? <Empty title={words.nothing(state.search)} action={<Button onClick={state.clear}>{t.list.clear}</Button>} /> : <Empty title={words.none} action={make}>{words.noneWhy}</Empty>)
          : <DataTable label={words.title} columns={columns} rows={images.data?.items} stale={images.isPlaceholderData} idOf={(image) => image.id} versionOf={(image) => image.version} question={JSON.stringify([group.group, state.page, state.search, state.sort])} sort={state.sort} onSort={(sort) => state.put({ sort })} />}
      <Pager label={words.title} page={state.page} total={images.data?.total} stale={images.isPlaceholderData} size={SIZE} onTurn={(page) => state.put({ page: String(page) })} />
    </Page>
  );
}

export const noteOf = (image: Image) => (image.phase === 'BUILDING' ? words.building(image.progress) : image.phase === 'FAILED' ? image.message : '');

const columns: Column<Image>[] = [
  { key: 'state', title: words.columns.state, phone: 'end', className: 'cut', cell: (image) => <Status state={image.phase} note={noteOf(image)} /> },
  {
    key: 'name', title: words.columns.name, sort: 'name', phone: 'title', className: 'name',
    cell: (image) => (image.group === null ? <span className="strong">{image.display_name || image.name}</span> : <Link className="strong" to={`/g/${image.group}/images/${image.slug}`}>{image.display_name || image.name}</Link>),
  },
  { key: 'about', title: words.columns.about, className: 'soft cut', phone: 'none', cell: (image) => image.description },
  { key: 'kind', title: words.columns.kind, className: 'soft', cell: (image) => words.kinds[image.kind] },
  { key: 'whose', title: words.columns.whose, className: 'soft', cell: (image) => (image.group === null ? words.whose.platform : words.whose.group) },
];
