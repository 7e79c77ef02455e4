import { Button } from 'antd';
import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useEffect } from 'react';
import { count } from '../../lib/format';
import { t } from '../../text';
import { SIZE } from './address';

/**
 * `1 to 50 of 10,214`, and the way to the others. Nothing where one page has all. From a page that the list has no more it
 * goes to the last one; not while the total is that of the question before (`stale`).
 */
export function Pager({ label, page, total, stale, size = SIZE, onTurn }: {
  label: string; page: number; total: number | undefined; stale: boolean; size?: number; onTurn: (page: number) => void;
}) {
  const last = Math.max(1, Math.ceil((total ?? 0) / size));
  const past = total !== undefined && !stale && page > last;
  useEffect(() => {
    if (past) onTurn(last);
    // once, whichever function it is
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [past, last]);
  if (total === undefined || past || (total <= size && page === 1)) return null;
  return (
    <nav className="pager" aria-label={label}>
      <span>{t.list.total((page - 1) * size + 1, Math.min(page * size, total), count(total))}</span>
      <Button size="small" type="text" aria-label={t.list.previous} icon={<ChevronLeft size={15} aria-hidden />} disabled={page === 1} onClick={() => onTurn(Math.min(page - 1, last))} />
      {pagesAround(page, last).map((n, i) => (n === null ? <span key={`gap${i}`} aria-hidden>…</span>
        : <Button key={n} size="small" type="text" className="pageNo" aria-label={t.list.pageNo(n)} aria-current={n === page ? 'page' : undefined} onClick={() => onTurn(n)}>{count(n)}</Button>))}
      <Button size="small" type="text" aria-label={t.list.next} icon={<ChevronRight size={15} aria-hidden />} disabled={page >= last} onClick={() => onTurn(page + 1)} />
    </nav>
  );
}

/** The first, the last, and those around this one; null where some are left out. */
export function pagesAround(page: number, last: number): (number | null)[] {
  const wanted = [...new Set([1, page - 1, page, page + 1, last])].filter((n) => n >= 1 && n <= last).sort((a, b) => a - b);
  return wanted.flatMap((n, i) => (i > 0 && n > wanted[i - 1]! + 1 ? [null, n] : [n]));
}
