import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Link2, Plus } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { admin, type Account } from '../../../api/admin';
import { count } from '../../../lib/format';
import { useMe } from '../../../lib/session';
import { LinkButton } from '../../../parts/LinkButton';
import { Ago, Bones, Facts, Failure, Page, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';
import { AdminList, NameCell, queryOf, useListState, type Column } from '../parts/AdminList';
import { Invite } from './Invite';
import { Links } from './Links';

const words = a.users;
const nameOf = (user: Account) => user.display_name || user.name;

export default function Users() {
  const me = useMe();
  const state = useListState(['people', 'links'], '');
  const [inviting, invite] = useState(false);
  const list = useQuery({ ...admin.users(queryOf(state)), enabled: state.view === 'people' });
  const create = me.local_accounts && <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to="/admin/users/new">{words.create}</LinkButton>;
  const views = (['people', 'links'] as const).map((key) => ({ key, text: words.views[key] }));
  return (
    <Page title={words.title} lead={list.data && !state.filtered ? words.lead(list.data.total) : '\u00a0'}
      actions={<><Button icon={<Link2 size={15} aria-hidden />} onClick={() => invite(true)}>{words.invite}</Button>{create}</>}>
      {state.view === 'links' ? <Links state={state} views={views} />
        : <AdminList list={list} state={state} words={me.local_accounts ? words : { ...words, noneWhy: words.noneByProvider }} columns={columns(me.name)} id={(row) => row.name} version={(row) => row.version} create={create} views={views}
          panel={{ name: nameOf, sub: (row) => (nameOf(row) === row.name ? undefined : row.name), href: (row) => `/admin/users/${row.name}`, read: (row) => <UserPanel user={row} /> }} />}
      {inviting && <Invite onClose={() => invite(false)} />}
    </Page>
  );
}

const columns = (me: string): Column<Account>[] => [
  { key: 'name', title: words.columns.name, sort: 'name', phone: 'title', className: 'name', cell: (row) => <NameCell to={`/admin/users/${row.name}`} name={nameOf(row)} sub={[nameOf(row) !== row.name && row.name, row.name === me && words.you].filter(Boolean).join(', ') || undefined} /> },
  { key: 'state', title: words.columns.state, phone: 'end', cell: (row) => <State user={row} /> },
  { key: 'rights', title: words.columns.rights, named: true, cell: (row) => (row.platform_admin ? <span className="chip">{words.platformAdmin}</span> : <span className="muted">{a.list.none}</span>) },
  { key: 'email', title: words.columns.email, className: 'soft cut', phone: 'none', cell: (row) => row.email || <span className="muted">{a.list.none}</span> },
  { key: 'seen', title: words.columns.seen, named: true, className: 'soft', cell: (row) => (row.last_seen_at ? <Ago at={row.last_seen_at} /> : <span className="muted">{words.neverSeen}</span>) },
  { key: 'made', title: words.columns.made, className: 'soft', phone: 'none', cell: (row) => <Ago at={row.created_at} /> },
];

export const State = ({ user }: { user: Account }) => (user.enabled ? <>{words.enabled}</> : <span className="bad">{words.disabled}</span>);

function UserPanel({ user }: { user: Account }) {
  const me = useMe();
  const memberships = useQuery(admin.memberships(user.name));
  const running = useQuery(admin.running(user.name));
  return (
    <>
      <h3>{words.groups}</h3>
      {memberships.error && !memberships.data ? <Failure error={memberships.error} what={words.groupsFailed} onRetry={() => void memberships.refetch()} /> : memberships.data === undefined ? <Waiting><Bones rows={2} widths={[60]} /></Waiting> : memberships.data.length === 0 ? <p className="small">{words.noGroups}</p> : (
        <ul className="plain">{memberships.data.map((m) => <li key={m.group}><Link to={`/admin/groups/${m.group}`}>{m.group}</Link>{m.role === 'admin' ? <span className="chip">{a.groups.groupAdmin}</span> : <span className="muted">{a.groups.member}</span>}</li>)}</ul>
      )}
      <h3>{a.groups.now}</h3>
      <Facts rows={[
        [words.columns.state, <State key="s" user={user} />],
        [words.running, running.data === undefined ? '–' : running.data.length === 0 ? words.runsNothing : count(running.data.length)],
        [words.signIn, user.issuer === 'local' ? (me.local_accounts ? words.local : words.cannotSignIn) : words.provider(user.issuer)],
        [a.groups.auditLog, <Link key="a" to={`/admin/audit?actor=${user.name}`}>{words.did}</Link>],
      ]} />
    </>
  );
}
