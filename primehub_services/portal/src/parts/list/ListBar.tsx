import { Columns3, Search, X } from 'lucide-react';
import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { typing } from '../../lib/keys';
import { count } from '../../lib/format';
import { t } from '../../text';
import { RANGES, type ListState } from './address';
import type { Column } from './DataTable';

type View<V> = { key: V; text: string; count?: number | undefined };

/** Above a list: search, counted views, range, columns. `counting` while the views' counts are asked for the first time. */
export function ListBar<V extends string, T>({ state, search, views, counting = false, ranges, columns, children }: {
  state: ListState<V>; search: string; views?: readonly View<V>[]; counting?: boolean; ranges?: boolean; columns?: readonly Column<T>[]; children?: React.ReactNode;
}) {
  return (
    <div className="filters">
      <SearchField label={search} value={state.typed} onChange={state.type} />
      {views && (
        <div className={counting ? 'views early' : 'views'} role="group" aria-label={t.list.views}>
          {views.map((view, i) => (
            <button key={view.key} type="button" aria-pressed={state.view === view.key} onClick={() => state.put({ view: i === 0 ? null : view.key })}>
              {view.text}{view.count !== undefined && <span>{count(view.count)}</span>}
            </button>
          ))}
        </div>
      )}
      <span className="gap" />
      {children}
      {ranges && (
        <select className="range" aria-label={t.list.range} value={state.days} onChange={(event) => state.put({ days: event.target.value })}>
          {RANGES.map((days) => <option key={days} value={days}>{t.list.ranges[days]}</option>)}
        </select>
      )}
      {columns && <ColumnChoice columns={columns} chosen={state.columns} onChange={(keys) => state.put({ columns: keys })} />}
    </div>
  );
}

/** `/` goes to it from anywhere on the page. */
function SearchField({ label, value, onChange }: { label: string; value: string; onChange: (text: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== '/' || typing(event)) return;
      event.preventDefault();
      box.current?.querySelector('input')?.focus();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return (
    <div ref={box} className="find">
      <Search size={14} aria-hidden />
      <input placeholder={label} aria-label={t.list.searchBy(label)} value={value} autoComplete="off" spellCheck={false} onChange={(event) => onChange(event.target.value)} />
      {value !== '' && <button type="button" aria-label={t.list.clear} onClick={() => onChange('')}><X size={14} aria-hidden /></button>}
    </div>
  );
}

const byDefault = <T,>(columns: readonly Column<T>[]) => columns.filter((column) => column.from !== 'off').map((column) => column.key);

// few ever choose
const Choice = lazy(() => import('./ColumnChoice'));

function ColumnChoice<T>({ columns, chosen, onChange }: { columns: readonly Column<T>[]; chosen: string[] | null; onChange: (keys: string | null) => void }) {
  const [used, use] = useState(false);
  const shown = chosen ?? byDefault(columns);
  const toggle = (key: string) => {
    const next = columns.map((column) => column.key).filter((k) => (k === key ? !shown.includes(k) : shown.includes(k)));
    onChange(next.join() === byDefault(columns).join() ? null : next.join());
  };
  // in its place in the panel it is another element, which takes over the focus
  const button = <button type="button" className="columnsButton" aria-label={t.list.columns} title={t.list.columns} autoFocus={used} onClick={used ? undefined : () => use(true)}><Columns3 size={15} aria-hidden /></button>;
  if (!used) return button;
  return <Suspense fallback={button}><Choice choices={columns.filter((column) => !column.fixed)} shown={shown} onToggle={toggle}>{button}</Choice></Suspense>;
}

/** The columns that are shown: those of the address, else those that are shown by themselves. */
export function shownColumns<T>(columns: readonly Column<T>[], chosen: string[] | null): Column<T>[] {
  const found = columns.filter((column) => column.fixed === true || (chosen ?? byDefault(columns)).includes(column.key));
  // one that was chosen is shown at any width
  return chosen === null ? found : found.map((column) => ({ ...column, from: 'off' as const }));
}
