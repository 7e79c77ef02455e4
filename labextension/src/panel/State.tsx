import type { ReactNode } from 'react';
import type { Phase } from '../types';

/* An open ring still moves, a filled shape is final; each shape differs, so that it reads without colour. */
const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.5 } as const;
const cut = { fill: 'none', stroke: 'var(--jp-layout-color1)', strokeWidth: 1.6, strokeLinecap: 'round', strokeLinejoin: 'round' } as const;
const ring = <circle cx="7" cy="7" r="5.5" {...line} />;
const shapes: Record<Phase, ReactNode> = {
  PENDING: <g>{ring}<path d="M7 4v3l2 1.4" {...line} strokeWidth={1.4} strokeLinecap="round" strokeLinejoin="round" /></g>,
  PREPARING: <g><circle cx="7" cy="7" r="5.5" {...line} opacity="0.3" /><path className="jp-PrimeHub-spin" d="M7 1.5A5.5 5.5 0 0 1 12.5 7" {...line} strokeWidth={1.8} strokeLinecap="round" /></g>,
  RUNNING: <g>{ring}<circle className="jp-PrimeHub-pulse" cx="7" cy="7" r="2.6" fill="currentColor" /></g>,
  SUCCEEDED: <g><circle cx="7" cy="7" r="6.2" fill="currentColor" /><path d="M4.3 7.2l1.9 1.9 3.5-4" {...cut} /></g>,
  FAILED: <g><path d="M4.5.8h5l3.7 3.7v5l-3.7 3.7h-5L.8 9.5v-5z" fill="currentColor" /><path d="M5 5l4 4M9 5l-4 4" {...cut} /></g>,
  CANCELLED: <g><circle cx="7" cy="7" r="6.2" fill="currentColor" /><path d="M4.2 7h5.6" {...cut} /></g>,
  UNKNOWN: <g><path d="M7 .6L13.4 7 7 13.4.6 7z" fill="currentColor" /><path d="M5.6 5.6c.2-1.9 3-1.7 2.8 0C8.3 6.6 7 6.6 7 8M7 9.9v.1" {...cut} strokeWidth={1.3} /></g>,
};

/** Where a job is, as a shape. The word stands beside it. */
export function State({ phase }: { phase: Phase }) {
  return <svg className="jp-PrimeHub-state" data-phase={phase} viewBox="0 0 14 14" aria-hidden>{shapes[phase]}</svg>;
}
