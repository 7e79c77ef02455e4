import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert } from 'lucide-react';
import { admin, type Invitation } from '../../../api/admin';
import { api, asProblem } from '../../../api/client';
import { useNow } from '../../../lib/clock';
import type { ListState } from '../../../parts/list/address';
import { exact } from '../../../lib/format';
import { Ago, Who } from '../../../parts/page';
import { a } from '../../../text/admin';
import { AdminList, queryOf, type Column } from '../parts/AdminList';

const words = a.users.links;
type View = 'people' | 'links';
const what = (link: Invitation) => (link.kind === 'join' ? words.join(link.group ?? '', (link.role === 'admin' ? a.groups.groupAdmin : a.groups.member).toLowerCase()) : words.account(link.user ?? ''));

/** Links that were handed out; the tokens themselves are shown once, when they are made. */
export function Links({ state, views }: { state: ListState<View>; views: readonly { key: View; text: string }[] }) {
  const list = useQuery(admin.invitations({ ...queryOf(state), search: state.search, sort: '' }));
  const now = useNow(30_000);
  const columns: Column<Invitation>[] = [
    { key: 'for', title: words.columns.for, phone: 'title', cell: (row) => <span className="strong">{what(row)}</span> },
    { key: 'state', title: words.columns.state, phone: 'end', cell: (row) => (row.used_at ? <span className="muted">{words.used(row.used_by ?? '')}</span> : Date.parse(row.expires_at) <= now ? <span className="muted">{words.late}</span> : words.open) },
    { key: 'by', title: words.columns.by, cell: (row) => <Who name={row.created_by} /> },
    { key: 'made', title: words.columns.made, className: 'soft', cell: (row) => <Ago at={row.created_at} /> },
    { key: 'until', title: words.columns.until, className: 'soft', phone: 'none', cell: (row) => <time dateTime={row.expires_at} title={exact(row.expires_at)}>{exact(row.expires_at).slice(0, 16)}</time> },
    { key: 'actions', title: a.notebooks.columns.actions, end: true, cell: (row) => (row.used_at ? null : <Withdraw link={row} />) },
  ];
  return <AdminList list={list} state={state} words={{ ...words, title: a.users.views.links, search: a.users.search }} columns={columns} id={(row) => row.id} views={views} filtered={state.search !== ''} />;
}

function Withdraw({ link }: { link: Invitation }) {
  const queries = useQueryClient();
  const withdraw = useMutation({
    mutationFn: () => api.DELETE('/invitations/{invitation}', { params: { path: { invitation: link.id } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['invitations'] }),
  });
  return (
    <>
      <Button size="small" type="text" danger loading={withdraw.isPending} aria-label={words.withdrawThis(what(link))} onClick={() => withdraw.mutate()}>{words.withdraw}</Button>
      {withdraw.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(withdraw.error).message}</p>}
    </>
  );
}
