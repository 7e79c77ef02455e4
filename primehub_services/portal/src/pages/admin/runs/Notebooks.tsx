import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { ExternalLink, FileText, Square } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { admin } from '../../../api/admin';
import { api, body } from '../../../api/client';
import type { Notebook } from '../../../api/types';
import { hub } from '../../../lib/base';
import { useNow } from '../../../lib/clock';
import { about, exact } from '../../../lib/format';
import { summary } from '../../../lib/resources';
import { Confirm } from '../../../parts/form/Confirm';
import { LinkButton } from '../../../parts/LinkButton';
import { Ago, Page, Who } from '../../../parts/page';
import { Status } from '../../../parts/Status';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { AdminList, queryOf, useListState, type Column } from '../parts/AdminList';

const words = a.notebooks;
const live = (notebook: Notebook) => !['STOPPED', 'FAILED'].includes(notebook.phase);

const columns: Column<Notebook>[] = [
  { key: 'state', title: words.columns.state, phone: 'end', className: 'cut', cell: (row) => <Status state={row.phase} note={live(row) ? '' : t.notebook.reasons[row.reason] ?? row.reason} /> },
  { key: 'user', title: words.columns.user, phone: 'title', cell: (row) => <Link className="strong" to={`/admin/users/${row.user}`}><Who name={row.user} /></Link> },
  { key: 'group', title: words.columns.group, className: 'soft', cell: (row) => row.group },
  { key: 'type', title: words.columns.type, className: 'soft', phone: 'none', cell: (row) => row.instance_type },
  { key: 'size', title: words.columns.size, className: 'soft', phone: 'none', cell: (row) => summary(row.limits) },
  { key: 'image', title: words.columns.image, className: 'soft cut', phone: 'none', cell: (row) => row.image },
  { key: 'since', title: words.columns.since, className: 'soft', phone: 'none', cell: (row) => <Ago at={row.created_at} /> },
  { key: 'idle', title: words.columns.idle, className: 'soft', cell: (row) => <Stops notebook={row} /> },
  { key: 'actions', title: words.columns.actions, end: true, cell: (row) => <Acts notebook={row} /> },
];

export default function Notebooks() {
  const state = useListState(['active', 'ended'], '-created_at');
  const active = state.view === 'active';
  const list = useQuery(admin.notebooks(queryOf(state), active));
  const views = (['active', 'ended'] as const).map((key) => ({ key, text: words.views[key] }));
  return (
    <Page title={words.title} lead={words.lead} actions={<Button href={hub.admin} icon={<ExternalLink size={14} aria-hidden />}>{words.hub}</Button>}>
      <AdminList list={list} state={state} words={active ? words : { ...words, none: words.noneEnded }} columns={columns} id={(row) => row.id} views={views} filtered={state.search !== ''} />
    </Page>
  );
}

function Stops({ notebook }: { notebook: Notebook }) {
  const now = useNow(20_000);
  if (!live(notebook)) return <span title={notebook.ended_at ? exact(notebook.ended_at) : undefined}>{notebook.ended_at ? <Ago at={notebook.ended_at} /> : '–'}</span>;
  if (notebook.phase !== 'RUNNING') return <>–</>;
  return notebook.idle_deadline ? <span title={exact(notebook.idle_deadline)}>{words.inTime(about((Date.parse(notebook.idle_deadline) - now) / 1000))}</span> : <>{words.never}</>;
}

function Acts({ notebook }: { notebook: Notebook }) {
  return (
    <span className="rowActions">
      <LinkButton type="text" size="small" to={`/admin/notebooks/${notebook.id}`} aria-label={words.logThis(notebook.user)} title={words.log} icon={<FileText size={14} aria-hidden />} />
      {live(notebook) && <Stop notebook={notebook} />}
    </span>
  );
}

function Stop({ notebook }: { notebook: Notebook }) {
  const queries = useQueryClient();
  const [asked, ask] = useState(false);
  const stop = useMutation({
    mutationFn: () => body(api.DELETE('/notebooks/{notebook}', { params: { path: { notebook: notebook.id } } })),
    onSuccess: () => {
      ask(false);
      return queries.invalidateQueries({ queryKey: ['notebooks'] });
    },
  });
  return (
    <>
      {notebook.phase === 'RUNNING' && notebook.url && <Button type="text" size="small" href={notebook.url} target="_blank" aria-label={words.openThis(notebook.user)} title={words.open} icon={<ExternalLink size={14} aria-hidden />} />}
      <Button type="text" size="small" danger disabled={notebook.phase === 'STOPPING'} aria-label={words.stopThis(notebook.user)} title={words.stop} icon={<Square size={14} aria-hidden />} onClick={() => ask(true)} />
      <Confirm open={asked} title={words.ask(notebook.user)} go={words.go} keep={words.keep} pending={stop.isPending} error={stop.error} onGo={() => stop.mutate()} onClose={() => ask(false)}>
        <p>{words.lose(notebook.user, notebook.group, exact(notebook.created_at).slice(0, 16))}</p>
      </Confirm>
    </>
  );
}
