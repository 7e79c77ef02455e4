/** The lists of admin pages: the table of every list, and beside it a panel that reads the selected row. */
import type { UseQueryResult } from '@tanstack/react-query';
import { Button } from 'antd';
import { Pencil, X } from 'lucide-react';
import { useEffect, useRef, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { LinkButton } from '../../../parts/LinkButton';
import { DataTable, type Column } from '../../../parts/list/DataTable';
import { ListBar } from '../../../parts/list/ListBar';
import { Pager } from '../../../parts/list/Pager';
import { SIZE, type ListState } from '../../../parts/list/address';
import { Empty, Failure } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';

export { useListState } from '../../../parts/list/address';
export type { Column };
type Listed<T> = { items: readonly T[]; total: number };
export type ListWords = { title: string; search: string; none: string; noneWhy?: string; failed: string };
type Panel<T> = { name: (row: T) => string; sub?: (row: T) => ReactNode; href?: (row: T) => string; read: (row: T) => ReactNode };

/** What the API is asked of a list. */
export const queryOf = (state: ListState<string>) => ({ page: state.page, page_size: SIZE, search: state.search, sort: state.sort });

export function AdminList<T, V extends string>({ list, state, words, columns, id, version, create, views, filters, filtered, clear, panel }: {
  list: UseQueryResult<Listed<T>>; state: ListState<V>; words: ListWords; columns: Column<T>[]; id: (row: T) => string; version?: (row: T) => number;
  create?: ReactNode; views?: readonly { key: V; text: string; count?: number }[]; filters?: ReactNode;
  /** Whether less is shown than there is, where that is not said by the view. */
  filtered?: boolean; clear?: () => void; panel?: Panel<T>;
}) {
  const [query, setQuery] = useSearchParams();
  const open = query.get('open');
  const select = (next: string | null) => setQuery((before) => {
    const words = new URLSearchParams(before);
    if (next === null) words.delete('open');
    else words.set('open', next);
    return words;
  }, { replace: true });
  const shown = panel && list.data?.items.find((row) => id(row) === open);
  const table = (
    <DataTable label={words.title} columns={columns} rows={list.data?.items} stale={list.isPlaceholderData} idOf={id} versionOf={version} selected={open} sort={state.sort} onSort={(sort) => state.put({ sort })}
      question={JSON.stringify([state.page, state.search, state.sort, state.view, filtered && query.toString()])} />
  );
  const box = useRef<HTMLDivElement>(null);
  const close = (event: KeyboardEvent) => {
    // what a row or the panel has opened over the page closes by itself
    if (event.key !== 'Escape' || !shown || !event.currentTarget.contains(event.target as Node)) return;
    select(null);
    // the panel takes the focus with it
    if ((event.target as HTMLElement).closest('.drawerPanel')) box.current?.querySelector<HTMLElement>(`tr[data-id="${CSS.escape(open!)}"] .strong`)?.focus();
  };
  return (
    <div ref={box} className={shown ? 'listAndPanel' : undefined} onKeyDown={close}>
      <div className="listBox">
        <ListBar state={state} search={words.search} views={views}>{filters}</ListBar>
        {list.error && !list.data ? <Failure error={list.error} what={words.failed} unaffected={a.list.unaffected} onRetry={() => void list.refetch()} />
          : list.data?.total === 0
            ? filtered ?? state.filtered ? <Empty title={a.list.nothing(state.search)} action={<Button onClick={clear ?? state.clear}>{t.list.clear}</Button>} />
              : <Empty title={words.none} action={create}>{words.noneWhy}</Empty>
            : panel ? <Selectable select={select} open={open}>{table}</Selectable> : table}
        <Pager label={words.title} page={state.page} total={list.data?.total} stale={list.isPlaceholderData} onTurn={(page) => state.put({ page: String(page) })} />
      </div>
      {shown && <Reading key={id(shown)} title={panel.name(shown)} sub={panel.sub?.(shown)} href={panel.href?.(shown)} onClose={() => select(null)}>{panel.read(shown)}</Reading>}
    </div>
  );
}

/** A click on a row reads it, as Space does on its name; arrow keys from there go to the next one. */
function Selectable({ select, open, children }: { select: (id: string | null) => void; open: string | null; children: ReactNode }) {
  const rowOf = (target: EventTarget) => (target as HTMLElement).closest<HTMLTableRowElement>('tbody tr');
  const click = (event: MouseEvent) => {
    const row = rowOf(event.target);
    if (row && !(event.target as HTMLElement).closest('a, button')) select(row.dataset.id === open ? null : row.dataset.id!);
  };
  const press = (event: KeyboardEvent) => {
    const row = rowOf(event.target);
    if (event.key === ' ' && (event.target as HTMLElement).matches('.strong')) {
      event.preventDefault();
      select(row!.dataset.id === open ? null : row!.dataset.id!);
      return;
    }
    const next = event.key === 'ArrowDown' ? row?.nextElementSibling : event.key === 'ArrowUp' ? row?.previousElementSibling : null;
    if (!(next instanceof HTMLTableRowElement)) return;
    event.preventDefault();
    next.querySelector<HTMLElement>('.strong')?.focus();
    select(next.dataset.id!);
  };
  // every row has its link for those who come by keyboard; the click on the rest of it only saves a way
  return <div className="selectable" onClick={click} onKeyDown={press}>{children}</div>;
}

/** Name, and below it what it is called in paths and links. */
export const NameCell = ({ to, name, sub }: { to: string; name: string; sub?: ReactNode }) => <span className="twoLine"><Link className="strong" to={to}>{name}</Link>{sub !== undefined && <small>{sub}</small>}</span>;

function Reading({ title, sub, href, onClose, children }: { title: string; sub: ReactNode; href: string | undefined; onClose: () => void; children: ReactNode }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    // on phones it stands above the list
    if (matchMedia('(max-width: 767px)').matches) box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <aside className="drawerPanel" aria-label={a.list.panel(title)} ref={box}>
      <div className="dHead">
        <div><h2>{title}</h2>{sub !== undefined && <code>{sub}</code>}</div>
        {href && <LinkButton size="small" icon={<Pencil size={13} aria-hidden />} to={href}>{a.list.edit}</LinkButton>}
        <Button size="small" type="text" aria-label={t.form.close} icon={<X size={15} aria-hidden />} onClick={onClose} />
      </div>
      {children}
    </aside>
  );
}
