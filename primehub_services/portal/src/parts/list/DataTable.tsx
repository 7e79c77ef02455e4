import { ArrowDown, ArrowUp } from 'lucide-react';
import { useEffect, useRef, useState, type FocusEvent, type ReactNode } from 'react';
import { typing } from '../../lib/keys';
import { t } from '../../text';
import { Waiting } from '../page';
import { useSteady } from './steady';

export type Column<T> = {
  key: string; title: string; cell: (row: T) => ReactNode;
  /** Numbers and times stand at the right end. */
  end?: boolean;
  /** What the API sorts by, where it can. */
  sort?: string;
  className?: string;
  /** Shown by itself only where there is room for it; `off` only when chosen. */
  from?: 'wide' | 'off';
  /** Cannot be taken away. */
  fixed?: boolean;
  /** On phones: the first line, its right end, a line of its own, or not at all. Else among the others on the second line. */
  phone?: 'title' | 'end' | 'line' | 'none';
  /** On phones, where no head stands above it: its title before it, of what says nothing by itself. */
  named?: boolean;
};

type Props<T> = {
  label: string; columns: readonly Column<T>[]; rows: readonly T[] | undefined; idOf: (row: T) => string;
  /** A number that changes with the row: a change by others is shown for a second. */
  versionOf?: (row: T) => number;
  /** What the rows answer: another one is shown at once, the same keeps its rows in place. */
  question: string;
  /** Whether the rows still are those of the question before, until this one is answered. */
  stale: boolean; sort?: string; onSort?: (sort: string) => void; skeletons?: number; selected?: string | null;
};

/** The table of every list: a real head at once, rows that do not jump, `j` and `k` through them. */
export function DataTable<T>({ label, columns, rows: given, idOf, versionOf, question, stale, sort = '', onSort, skeletons = 8, selected }: Props<T>) {
  const [over, setOver] = useState(false);
  const [inside, setInside] = useState(false);
  const region = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const { rows, fresh, gone, show } = useSteady(question, given, over || inside, idOf, stale);
  useRowKeys(body);
  useEffect(() => {
    // a button that had the focus may have gone with its row; no event tells that
    if (inside && document.activeElement === document.body) region.current?.focus();
  }, [inside, rows, gone]);
  return (
    <div className="listBox">
      {fresh > 0 && <p className="fresh" role="status"><button type="button" className="linkish" onClick={show}>{t.list.fresh(fresh)}</button></p>}
      <div ref={region} className="scroll onSheet" role="region" aria-label={label} tabIndex={-1} aria-busy={stale || rows === undefined}
        onFocus={(event) => { if (event.target === event.currentTarget) setInside(false); }}>
        <table className="sheet list">
          <thead><tr>{columns.map((column) => <Head key={column.key} column={column} sort={sort} onSort={onSort} />)}</tr></thead>
          <tbody ref={body} onPointerEnter={() => setOver(true)} onPointerLeave={() => setOver(false)} onFocus={() => setInside(true)}
            onBlur={(event: FocusEvent) => setInside(event.currentTarget.contains(event.relatedTarget))}>
            {rows?.map((row) => <Row key={idOf(row)} row={row} columns={columns} version={versionOf?.(row) ?? 0} id={idOf(row)} selected={selected === idOf(row)} gone={gone.has(idOf(row))} />)}
          </tbody>
        </table>
        {rows === undefined && <Waiting><div className="boneRows" aria-hidden>{Array.from({ length: skeletons }, (_, i) => <p key={i}><i style={{ width: `${[14, 11, 16, 12][i % 4]}%` }} /><i style={{ width: `${[24, 18, 30, 21][i % 4]}%` }} /><i style={{ width: '9%' }} /></p>)}</div></Waiting>}
      </div>
    </div>
  );
}

const classOf = <T,>(column: Column<T>) => [column.end && 'r', column.className, column.from === 'wide' && 'wide', column.phone && `p-${column.phone}`].filter(Boolean).join(' ') || undefined;

function Head<T>({ column, sort, onSort }: { column: Column<T>; sort: string; onSort: ((sort: string) => void) | undefined }) {
  const down = sort === `-${column.sort}`;
  const active = column.sort !== undefined && (down || sort === column.sort);
  const Arrow = down ? ArrowDown : ArrowUp;
  return (
    <th scope="col" className={classOf(column)} aria-sort={active ? (down ? 'descending' : 'ascending') : undefined}>
      {column.sort !== undefined && onSort
        ? <button type="button" className="sorter" onClick={() => onSort(down ? column.sort! : `-${column.sort}`)}>{column.title}{active && <Arrow size={12} aria-hidden />}</button>
        : column.key === 'actions' ? <span className="sr">{column.title}</span> : column.title}
    </th>
  );
}

function Row<T>({ row, id, columns, version, selected, gone }: { row: T; id: string; columns: readonly Column<T>[]; version: number; selected: boolean; gone: boolean }) {
  const [first] = useState(version);
  // two names for one animation: each further change begins it anew
  const changed = version === first ? undefined : (version - first) % 2 ? 'changed' : 'changed again';
  const last = columns.length - 1;
  return (
    <tr className={gone ? 'gone' : changed} data-id={id} aria-current={selected || undefined}>
      {columns.map((column, i) => (gone && i === last ? <td key={column.key} className="r">{t.list.gone}</td> : <td key={column.key} className={classOf(column)} data-title={column.named ? column.title : undefined}>{column.cell(row)}</td>))}
    </tr>
  );
}

/** `j` and `k` move through the rows' own links; Enter opens, as it does with any link. */
function useRowKeys(body: React.RefObject<HTMLTableSectionElement | null>): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.key !== 'j' && event.key !== 'k') || typing(event)) return;
      const links = [...(body.current?.querySelectorAll<HTMLElement>('tr :is(a, button).strong') ?? [])];
      const at = links.indexOf(document.activeElement as HTMLElement);
      const next = at < 0 ? links[0] : links[at + (event.key === 'j' ? 1 : -1)];
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.scrollIntoView({ block: 'nearest' });
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [body]);
}
