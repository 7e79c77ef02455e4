import { Button, Input } from 'antd';
import { Search } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { count } from '../../lib/format';
import { t } from '../../text';

const FEW = 50;

/** The first of many in a form or a panel, a field to find others among them, and a button for the next ones. */
export function useSome<T>(all: readonly T[], label: string, text: (item: T) => string): { shown: readonly T[]; find: ReactNode; more: ReactNode } {
  const [wanted, want] = useState('');
  const [most, setMost] = useState(FEW);
  const found = wanted === '' ? all : all.filter((item) => text(item).toLowerCase().includes(wanted.toLowerCase()));
  const rest = found.length - most;
  return {
    shown: found.slice(0, most),
    find: all.length > FEW && (
      <Input allowClear type="search" prefix={<Search size={14} aria-hidden />} aria-label={t.list.findAmong(label)} placeholder={t.list.findAmong(label)} value={wanted} onChange={(event) => want(event.target.value)}
        onPressEnter={(event) => event.preventDefault()} />
    ),
    more: found.length === 0 && all.length > 0 ? <p className="small" role="status">{t.list.nothingAmong(wanted)}</p>
      : rest > 0 && <div><Button type="text" onClick={() => setMost(most + FEW)}>{t.list.more(Math.min(rest, FEW), count(rest))}</Button></div>,
  };
}
