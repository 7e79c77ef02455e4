import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Play } from 'lucide-react';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { duration } from '../../lib/format';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { DataTable, type Column } from '../../parts/list/DataTable';
import { ListBar } from '../../parts/list/ListBar';
import { Pager } from '../../parts/list/Pager';
import { SIZE, useListState } from '../../parts/list/address';
import { Ago, Empty, Failure, Page } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';

const NEWEST = '-created_at';
const words = t.notebook.pastColumns;

/** The person's own starts in the group, each with its log. */
export default function Past() {
  const group = useGroup();
  const me = useMe();
  const state = useListState(['all'], NEWEST);
  const past = useQuery(ask.pastNotebooks(me.name, group.group, state.page, SIZE, state.search, state.sort));
  const start = <LinkButton type="primary" icon={<Play size={15} aria-hidden />} to={`/g/${group.group}/notebooks`}>{t.notebook.start}</LinkButton>;
  return (
    <Page crumbs={{ to: `/g/${group.group}/notebooks`, text: t.shell.notebooks }} title={t.notebook.past} lead={t.notebook.pastLead}>
      <ListBar state={state} search={t.notebook.pastSearch} />
      {past.error && !past.data ? <Failure error={past.error} what={t.home.failed} onRetry={() => void past.refetch()} />
        : past.data?.total === 0
          ? state.filtered ? <Empty title={t.notebook.pastNothing(state.search)} action={<Button onClick={state.clear}>{t.list.clear}</Button>} /> : <Empty title={t.notebook.pastNone} action={start}>{t.notebook.pastNoneWhy}</Empty>
          : (
            <DataTable label={t.notebook.past} columns={columns} rows={past.data?.items} stale={past.isPlaceholderData} idOf={(n) => n.id} question={JSON.stringify([group.group, state.page, state.search, state.sort])}
              sort={state.sort} onSort={(sort) => state.put({ sort: sort === NEWEST ? null : sort })} />
          )}
      <Pager label={t.notebook.past} page={state.page} total={past.data?.total} stale={past.isPlaceholderData} onTurn={(page) => state.put({ page: String(page) })} />
    </Page>
  );
}

const columns: Column<Notebook>[] = [
  { key: 'state', title: words.state, className: 'cut', cell: (n) => <Status state={n.phase} note={n.reason} /> },
  { key: 'what', title: words.what, phone: 'title', className: 'name', cell: (n) => <Link className="strong" to={`/g/${n.group}/notebooks/${n.id}`}>{t.home.lastOn(n.image, n.instance_type)}</Link> },
  { key: 'asked', title: words.asked, sort: 'created_at', className: 'soft', phone: 'end', cell: (n) => <Ago at={n.created_at} /> },
  { key: 'ran', title: words.ran, end: true, className: 'soft', cell: ran },
];

function ran(n: Notebook): string {
  return n.ready_at && n.ended_at ? duration((Date.parse(n.ended_at) - Date.parse(n.ready_at)) / 1000) : '–';
}
