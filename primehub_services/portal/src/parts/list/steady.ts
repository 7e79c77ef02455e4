import { useState } from 'react';

/**
 * Rows that do not jump: while `held` (the pointer is among them, or the focus), the rows that are there stay where
 * they are, though what they say is renewed; what is new waits, counted. Another list (`key`) is shown at once.
 */
export function useSteady<T>(key: string, items: readonly T[] | undefined, held: boolean, idOf: (item: T) => string) {
  const [kept, keep] = useState({ key, items });
  const free = !held || kept.key !== key || kept.items === undefined;
  if (free && (kept.key !== key || kept.items !== items)) keep({ key, items });
  const { rows, fresh } = free ? { rows: items, fresh: 0 } : steadied(kept.items!, items ?? [], idOf);
  return { rows, fresh, show: () => keep({ key, items }) };
}

/** The old rows in their old places, each as it is now, and how many of the new are not among them. */
export function steadied<T>(old: readonly T[], now: readonly T[], idOf: (item: T) => string): { rows: readonly T[]; fresh: number } {
  const current = new Map(now.map((item) => [idOf(item), item]));
  const there = new Set(old.map(idOf));
  return { rows: old.map((item) => current.get(idOf(item)) ?? item), fresh: now.filter((item) => !there.has(idOf(item))).length };
}
