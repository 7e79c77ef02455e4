import { t } from '../text';

export type Part = { kind: 'mine' | 'others' | 'reserved' | 'ask' | 'over'; amount: number };

/** The track is the limit; no limit is a track without an end. `mark` is the person's own limit inside the group's. */
export function QuotaBar({ parts, limit, mark, label, thin }: {
  parts: Part[]; limit: number | null; mark?: number | null; label: string; thin?: boolean;
}) {
  const sum = parts.reduce((all, part) => all + part.amount, 0);
  const scale = Math.max(limit ?? sum * 2.2, sum) || 1;
  const percent = (amount: number) => `${(amount / scale) * 100}%`;
  return (
    <div className={`quota${limit === null ? ' open' : ''}${thin ? ' thin' : ''}`} role="img" aria-label={label}>
      <div className="track" style={{ width: percent(limit ?? scale) }} />
      <div className="parts">
        {parts.filter((part) => part.amount > 0).map((part) => <i key={part.kind} className={part.kind} style={{ width: percent(part.amount) }} />)}
      </div>
      {mark !== undefined && mark !== null && mark <= scale && <b style={{ left: percent(mark) }} />}
    </div>
  );
}

/** What is used and what is asked, cut at the limit: the rest lies over it. */
export function withRequest(used: Part[], ask: number, limit: number | null): Part[] {
  const sum = used.reduce((all, part) => all + part.amount, 0);
  if (limit === null) return [...used, { kind: 'ask', amount: ask }];
  const room = Math.max(0, limit - sum);
  return [...used, { kind: 'ask', amount: Math.min(ask, room) }, { kind: 'over', amount: Math.max(0, ask - room) }];
}

export type Mark = Part['kind'] | 'tick';
export function Legend({ show }: { show: [Mark, string][] }) {
  return <div className="legend">{show.map(([kind, text]) => <span key={kind}><i className={kind} aria-hidden />{text}</span>)}</div>;
}

export const legendWords = (kinds: Mark[]): [Mark, string][] => kinds.map((kind) => [kind, t.legend[kind]]);
