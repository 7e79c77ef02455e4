/** What was typed over what is saved. Fields that nobody touched follow what others save meanwhile. */
import { useCallback, useMemo, useState } from 'react';

type Edit<V> = { from: V; to: V };
/** For each field that was touched: what was saved when it was, and what was typed. */
export type Edits<T> = { [K in keyof T]?: Edit<T[K]> };

/** A value that is many things by name, such as a group's members: each of them is a field of its own. */
type Named = Readonly<Record<string, unknown>>;
const isNamed = (value: unknown): value is Named => typeof value === 'object' && value !== null && !Array.isArray(value);
const differing = (a: Named, b: Named) => [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !same(a[name], b[name]));

/** JSON has no NaN, which is what a time is that was emptied; so numbers are not compared as JSON. */
export const same = (a: unknown, b: unknown): boolean =>
  (isNamed(a) && isNamed(b) ? differing(a, b).length === 0 : Object.is(a, b) || (typeof a !== 'number' && typeof b !== 'number' && JSON.stringify(a) === JSON.stringify(b)));

/** What a value has by name, some of it as another one has it. */
function withNames<V extends Named>(value: V, names: readonly string[], other: V): V {
  const all = [...new Set([...Object.keys(value), ...names])].map((name) => [name, names.includes(name) ? other : value] as const);
  return Object.fromEntries(all.filter(([name, from]) => name in from).map(([name, from]) => [name, from[name]])) as V;
}

/** What an edit makes of what is saved now. */
function over<V>(saved: V, { from, to }: Edit<V>): V {
  return isNamed(saved) && isNamed(from) && isNamed(to) ? withNames(saved, differing(from, to), to) : to;
}

/** An edit, and then another value than it made of what is saved now. */
function further<V>(saved: V, edit: Edit<V> | undefined, to: V): Edit<V> {
  if (edit === undefined) return { from: saved, to };
  const shown = over(saved, edit);
  if (![saved, shown, to, edit.from, edit.to].every(isNamed)) return { from: edit.from, to };
  const names = differing(shown as Named, to as Named);
  return { from: withNames(edit.from as Named, names, saved as Named), to: withNames(edit.to as Named, names, to as Named) } as Edit<V>;
}

const keysOf = <T extends object>(edits: Edits<T>) => Object.keys(edits) as (keyof T)[];

/** The edits with some fields set; one that is set back to what is saved is an edit no more, unless that is about to change (`saving`). */
export function edited<T extends object>(saved: T, edits: Edits<T>, part: Partial<T>, saving = false): Edits<T> {
  const touched = Object.keys(part) as (keyof T)[];
  const next = Object.fromEntries(keysOf(edits).filter((key) => !touched.includes(key)).map((key) => [key, edits[key]])) as Edits<T>;
  for (const key of touched) {
    const to = part[key] as T[typeof key];
    if (saving || !same(to, saved[key])) next[key] = further(saved[key], edits[key], to);
  }
  return next;
}

export function drafted<T extends object>(saved: T, edits: Edits<T>): T {
  const draft = { ...saved };
  for (const key of keysOf(edits)) draft[key] = over(saved[key], edits[key]!);
  return draft;
}

/** Fields whose typed value is not the saved one. */
export const changed = <T extends object>(saved: T, edits: Edits<T>): (keyof T)[] => keysOf(edits).filter((key) => !same(over(saved[key], edits[key]!), saved[key]));

/** The edits that are left once some were saved: what was typed while they were, now over what was sent. */
export function left<T extends object>(edits: Edits<T>, sent: Edits<T>): Edits<T> {
  const now = keysOf(edits).map((key) => [key, { from: sent[key] ? sent[key].to : edits[key]!.from, to: edits[key]!.to }] as const);
  return Object.fromEntries(now.filter(([, { from, to }]) => !same(from, to))) as Edits<T>;
}

/** Fields that somebody else has saved something in since they were touched here. */
export const clashes = <T extends object>(saved: T, edits: Edits<T>): (keyof T)[] => changed(saved, edits).filter((key) => clash(saved[key], edits[key]!));

const clash = (saved: unknown, { from, to }: Edit<unknown>): boolean => (isNamed(saved) && isNamed(from) && isNamed(to)
  ? differing(from, to).some((name) => !same(from[name], saved[name]) && !same(to[name], saved[name])) : !same(from, saved));

export function useDraft<T extends object>(saved: T) {
  const [edits, setEdits] = useState<Edits<T>>({});
  const set = useCallback((part: Partial<T>, saving = false) => setEdits((before) => edited(saved, before, part, saving)), [saved]);
  const settle = useCallback((sent: Edits<T>) => setEdits((before) => left(before, sent)), []);
  const reset = useCallback(() => setEdits({}), []);
  return useMemo(() => ({
    draft: drafted(saved, edits), edits, changed: changed(saved, edits), clashes: clashes(saved, edits), set, settle, reset,
  }), [saved, edits, set, settle, reset]);
}
