/** What was typed over what is saved. Fields that nobody touched follow what others save meanwhile. */
import { useCallback, useMemo, useState } from 'react';

/** For each field that was touched: what was saved when it was, and what was typed. */
export type Edits<T> = { [K in keyof T]?: { from: T[K]; to: T[K] } };

export const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);

const keysOf = <T extends object>(edits: Edits<T>) => Object.keys(edits) as (keyof T)[];

/** The edits with some fields set; one that is set back to what is saved is an edit no more, unless that is about to change (`saving`). */
export function edited<T extends object>(saved: T, edits: Edits<T>, part: Partial<T>, saving = false): Edits<T> {
  const touched = Object.keys(part) as (keyof T)[];
  const next = Object.fromEntries(keysOf(edits).filter((key) => !touched.includes(key)).map((key) => [key, edits[key]])) as Edits<T>;
  for (const key of touched) {
    const to = part[key] as T[typeof key];
    if (saving || !same(to, saved[key])) next[key] = { from: key in edits ? edits[key]!.from : saved[key], to };
  }
  return next;
}

export function drafted<T extends object>(saved: T, edits: Edits<T>): T {
  const draft = { ...saved };
  for (const key of keysOf(edits)) draft[key] = edits[key]!.to;
  return draft;
}

/** Fields whose typed value is not the saved one. */
export const changed = <T extends object>(saved: T, edits: Edits<T>): (keyof T)[] => keysOf(edits).filter((key) => !same(edits[key]!.to, saved[key]));

/** The edits that are left once a draft was saved: what was typed while it was, now over what was sent. */
export function left<T extends object>(edits: Edits<T>, sent: T): Edits<T> {
  const open = keysOf(edits).filter((key) => !same(edits[key]!.to, sent[key]));
  return Object.fromEntries(open.map((key) => [key, { from: sent[key], to: edits[key]!.to }])) as Edits<T>;
}

/** Fields that somebody else has saved something in since they were touched here. */
export const clashes = <T extends object>(saved: T, edits: Edits<T>): (keyof T)[] => changed(saved, edits).filter((key) => !same(edits[key]!.from, saved[key]));

export function useDraft<T extends object>(saved: T) {
  const [edits, setEdits] = useState<Edits<T>>({});
  const set = useCallback((part: Partial<T>, saving = false) => setEdits((before) => edited(saved, before, part, saving)), [saved]);
  const settle = useCallback((sent: T) => setEdits((before) => left(before, sent)), []);
  const reset = useCallback(() => setEdits({}), []);
  return useMemo(() => ({
    draft: drafted(saved, edits), edits, changed: changed(saved, edits), clashes: clashes(saved, edits), set, settle, reset,
  }), [saved, edits, set, settle, reset]);
}
