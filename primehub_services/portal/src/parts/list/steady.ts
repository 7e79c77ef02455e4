import { useState } from 'react';

const NONE: ReadonlySet<string> = new Set();

/**
 * Rows that do not jump: while `held` (the pointer is among them, or the focus), the rows that are there stay where
 * they are, though what they say is renewed; what is new waits, counted, and what the list has no more is named.
 * Another list (`key`) is shown at once; rows that only stand in until its answer is there (`stale`) are not held.
 */
export function useSteady<T>(key: string, items: readonly T[] | undefined, held: boolean, idOf: (item: T) => string, stale = false) {
  const [kept, keep] = useState({ key, items, stale });
  const free = !held || kept.key !== key || kept.items === undefined || kept.stale;
  if (free && (kept.key !== key || kept.items !== items || kept.stale !== stale)) keep({ key, items, stale });
  const { rows, fresh, gone } = free ? { rows: items, fresh: 0, gone: NONE } : steadied(kept.items!, items ?? [], idOf);
  return { rows, fresh, gone, show: () => keep({ key, items, stale }) };
}

/** The old rows in their old places, each as it is now; how many of the new are not among them, and which are no longer listed. */
export function steadied<T>(old: readonly T[], now: readonly T[], idOf: (item: T) => string): { rows: readonly T[]; fresh: number; gone: ReadonlySet<string> } {
  const current = new Map(now.map((item) => [idOf(item), item]));
  const there = new Set(old.map(idOf));
  return {
    rows: old.map((item) => current.get(idOf(item)) ?? item),
    fresh: now.filter((item) => !there.has(idOf(item))).length,
    gone: new Set([...there].filter((id) => !current.has(id))),
  };
}
