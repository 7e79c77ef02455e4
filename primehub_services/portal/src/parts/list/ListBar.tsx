import { Button, Checkbox, Input, Popover, Select } from 'antd';
import { Columns3, Search } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { typing } from '../../lib/keys';
import { count } from '../../lib/format';
import { t } from '../../text';
import { RANGES, type ListState } from './address';
import type { Column } from './DataTable';

type View<V> = { key: V; text: string; count?: number | undefined };

/** Above a list: search, counted views, range, columns. */
export function ListBar<V extends string, T>({ state, search, views, ranges, columns, children }: {
  state: ListState<V>; search: string; views?: readonly View<V>[]; ranges?: boolean; columns?: readonly Column<T>[]; children?: React.ReactNode;
}) {
  return (
    <div className="filters">
      <SearchField label={search} value={state.typed} onChange={state.type} />
      {views && (
        <div className="views" role="group" aria-label={t.list.views}>
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
        <Select<number> className="range" aria-label={t.list.range} value={state.days} onChange={(days) => state.put({ days: String(days) })}
          options={RANGES.map((days) => ({ value: days, label: t.list.ranges[days] }))} />
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
      <Input allowClear prefix={<Search size={14} aria-hidden />} placeholder={label} aria-label={t.list.searchBy(label)} value={value} onChange={(event) => onChange(event.target.value)} />
    </div>
  );
}

const byDefault = <T,>(columns: readonly Column<T>[]) => columns.filter((column) => column.from !== 'off').map((column) => column.key);

function ColumnChoice<T>({ columns, chosen, onChange }: { columns: readonly Column<T>[]; chosen: string[] | null; onChange: (keys: string | null) => void }) {
  const shown = chosen ?? byDefault(columns);
  const toggle = (key: string) => {
    const next = columns.map((column) => column.key).filter((k) => (k === key ? !shown.includes(k) : shown.includes(k)));
    onChange(next.join() === byDefault(columns).join() ? null : next.join());
  };
  return (
    <Popover trigger="click" placement="bottomRight" content={(
      <fieldset className="checks columnChoice"><legend className="sr">{t.list.columns}</legend>
        {columns.filter((column) => !column.fixed).map((column) => <Checkbox key={column.key} checked={shown.includes(column.key)} onChange={() => toggle(column.key)}>{column.title}</Checkbox>)}
      </fieldset>
    )}>
      <Button className="columnsButton" aria-label={t.list.columns} title={t.list.columns} icon={<Columns3 size={15} aria-hidden />} />
    </Popover>
  );
}

/** The columns that are shown: those of the address, else those that are shown by themselves. */
export function shownColumns<T>(columns: readonly Column<T>[], chosen: string[] | null): Column<T>[] {
  const found = columns.filter((column) => column.fixed === true || (chosen ?? byDefault(columns)).includes(column.key));
  // one that was chosen is shown at any width
  return chosen === null ? found : found.map((column) => ({ ...column, from: 'off' as const }));
}
