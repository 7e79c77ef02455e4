import { useQuery } from '@tanstack/react-query';
import { Input, Select } from 'antd';
import { Link, useSearchParams } from 'react-router';
import { useState } from 'react';
import { admin, type AuditEvent } from '../../../api/admin';
import { Ago, Page, Who } from '../../../parts/page';
import { sinceDays, useTyped } from '../../../parts/list/address';
import { a } from '../../../text/admin';
import { GroupField } from '../parts/Access';
import { AdminList, queryOf, useListState, type Column } from '../parts/AdminList';
import { actorOf, told } from './sentence';

const words = a.audit;
const RANGES = { all: 0, day: 1, week: 7, month: 30 } as const;
type Range = keyof typeof RANGES;

const columns: Column<AuditEvent>[] = [
  { key: 'what', title: words.columns.what, phone: 'title', className: 'wrap entry', cell: (row) => <Entry event={row} /> },
  { key: 'when', title: words.columns.when, end: true, phone: 'end', className: 'soft', cell: (row) => <Ago at={row.at} /> },
];

export default function Audit() {
  const [query] = useSearchParams();
  const state = useListState(['all'], '-at');
  const range = (Object.keys(RANGES) as Range[]).find((r) => r === query.get('range')) ?? 'all';
  const [actor, action, group] = [query.get('actor') ?? '', query.get('action') ?? '', query.get('group') ?? ''];
  const [now] = useState(() => Date.now());
  const since = sinceDays(RANGES[range], now);
  const list = useQuery(admin.audit({ ...queryOf(state), actor, action, ...(group && { group }), ...(since && { since }) }));
  const filtered = [actor, action, group].some((text) => text !== '') || range !== 'all';
  return (
    <Page title={words.title} lead={words.lead}>
      <div className="filterRow">
        <By value={actor} onChange={(value) => state.put({ actor: value })} />
        <label className="filter"><span>{words.what}</span>
          <Select aria-label={words.what} value={action} onChange={(value: string) => state.put({ action: value })} popupMatchSelectWidth={false} options={[{ value: '', label: words.whatAny }, ...Object.entries(words.nouns).map(([value, label]) => ({ value, label }))]} />
        </label>
        <div className="filter"><GroupField label={words.group} value={group} empty={words.groupAny} onChange={(value) => state.put({ group: value })} /></div>
        <label className="filter"><span>{words.range}</span>
          <Select<Range> aria-label={words.range} value={range} onChange={(value) => state.put({ range: value === 'all' ? null : value })} options={(Object.keys(RANGES) as Range[]).map((value) => ({ value, label: words.ranges[value] }))} />
        </label>
      </div>
      <AdminList list={list} state={state} words={words} columns={columns} id={(row) => String(row.id)} filtered={filtered} clear={() => {
        state.type('');
        state.put({ actor: null, action: null, group: null, range: null, search: null });
      }} />
    </Page>
  );
}

function By({ value, onChange }: { value: string; onChange: (actor: string) => void }) {
  const [typed, type] = useTyped(value, onChange);
  return <label className="filter"><span>{words.by}</span><Input allowClear aria-label={words.by} placeholder={words.byAny} value={typed} onChange={(event) => type(event.target.value.trim())} /></label>;
}

function Entry({ event }: { event: AuditEvent }) {
  const { text, target, to, group, changes } = told(event);
  const service = event.actor.startsWith('service:');
  return (
    <>
      {service ? <span className="strong">{actorOf(event.actor)}</span> : <Who name={event.actor} />} {text} {to ? <Link to={to}>{target}</Link> : <b>{target}</b>}
      {group && <> {words.in('')}<Link to={`/admin/groups/${group}`}>{group}</Link></>}
      {changes.length > 0 && <span className="changes" title={changes.join('\n')}>{changes.join('; ')}</span>}
    </>
  );
}
