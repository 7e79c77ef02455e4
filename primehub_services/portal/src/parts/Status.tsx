import type { ReactNode } from 'react';
import { itself, known } from '../lib/known';
import { t } from '../text';

export type State =
  | 'PENDING' | 'PREPARING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'UNKNOWN'
  | 'STARTING' | 'STOPPING' | 'STOPPED' | 'BUILDING' | 'READY';

/* An open ring still moves, a filled shape is final; each shape differs, so it reads without colour. */
const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.5 } as const;
const cut = { fill: 'none', stroke: 'var(--sheet)', strokeWidth: 1.6, strokeLinecap: 'round', strokeLinejoin: 'round' } as const;
const ring = <circle cx="7" cy="7" r="5.5" {...line} />;
const turning = (
  <g>
    <circle cx="7" cy="7" r="5.5" {...line} opacity="0.3" />
    <path className="spin" d="M7 1.5A5.5 5.5 0 0 1 12.5 7" {...line} strokeWidth={1.8} strokeLinecap="round" />
  </g>
);
const live = <g>{ring}<circle className="pulse" cx="7" cy="7" r="2.6" fill="currentColor" /></g>;
const waiting = <g>{ring}<path d="M7 4v3l2 1.4" {...line} strokeWidth={1.4} strokeLinecap="round" strokeLinejoin="round" /></g>;
const done = <g><circle cx="7" cy="7" r="6.2" fill="currentColor" /><path d="M4.3 7.2l1.9 1.9 3.5-4" {...cut} /></g>;
const looks: Record<State, { tone: string; icon: ReactNode }> = {
  PENDING: { tone: 'ink2', icon: waiting },
  PREPARING: { tone: 'accentText', icon: turning },
  STARTING: { tone: 'accentText', icon: turning },
  BUILDING: { tone: 'accentText', icon: turning },
  RUNNING: { tone: 'accentText', icon: live },
  SUCCEEDED: { tone: 'ok', icon: done },
  READY: { tone: 'ok', icon: done },
  FAILED: { tone: 'bad', icon: <g><path d="M4.5.8h5l3.7 3.7v5l-3.7 3.7h-5L.8 9.5v-5z" fill="currentColor" /><path d="M5 5l4 4M9 5l-4 4" {...cut} /></g> },
  CANCELLED: { tone: 'ink3', icon: <g><circle cx="7" cy="7" r="6.2" fill="currentColor" /><path d="M4.2 7h5.6" {...cut} /></g> },
  UNKNOWN: { tone: 'warn', icon: <g><path d="M7 .6L13.4 7 7 13.4.6 7z" fill="currentColor" /><path d="M5.6 5.6c.2-1.9 3-1.7 2.8 0C8.3 6.6 7 6.6 7 8M7 9.9v.1" {...cut} strokeWidth={1.3} /></g> },
  STOPPING: { tone: 'ink2', icon: turning },
  STOPPED: { tone: 'ink3', icon: <rect x="2.2" y="2.2" width="9.6" height="9.6" rx="2" {...line} /> },
};

/** Where something is: a shape, the word, the reason. `live` says a change of it once to a screen reader. */
export function Status({ state, note, big, announce }: { state: State; note?: ReactNode; big?: boolean; announce?: boolean }) {
  const { tone, icon } = known(looks, state) ?? looks.UNKNOWN;
  return (
    <span className={big ? 'status big' : 'status'}>
      <svg viewBox="0 0 14 14" aria-hidden style={{ color: `var(--${tone})` }}>{icon}</svg>
      <span className="word" role={announce ? 'status' : undefined}>{known(t.state, state) ?? itself(state)}</span>
      {note !== undefined && note !== '' && <span className="note">{note}</span>}
    </span>
  );
}
