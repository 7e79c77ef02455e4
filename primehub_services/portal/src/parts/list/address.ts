import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';

export const SIZE = 50;
/** Ranges that can be chosen, in days; 0 is all of it. */
export const RANGES = [1, 7, 30, 0] as const;

export type ListState<V extends string> = {
  page: number; view: V; search: string; sort: string; days: number; columns: string[] | null;
  /** What stands in the search field, and how to put something there. */
  typed: string; type: (text: string) => void;
  /** Changes the address; null takes a word out of it. Everything but the page begins at page 1 again. */
  put: (changes: Record<string, string | null>) => void;
  filtered: boolean; clear: () => void;
};

/** What a list shows, all of it in the address: a link shows the same list, and Back goes back to it. */
export function useListState<V extends string>(views: readonly [V, ...V[]], sorted = '', days = 0): ListState<V> {
  const [query, setQuery] = useSearchParams();
  const inAddress = query.get('search') ?? '';
  const put = (changes: Record<string, string | null>) => setQuery((before) => changed(before, changes), { replace: true });
  const [typed, type] = useTyped(inAddress, (text) => put({ search: text }));
  const view = views.find((v) => v === query.get('view')) ?? views[0];
  const range = RANGES.find((r) => String(r) === query.get('days')) ?? days;
  return {
    page: Math.max(1, Number(query.get('page')) || 1), view, search: inAddress, sort: query.get('sort') ?? sorted, days: range,
    columns: query.get('columns')?.split(',') ?? null, typed, type, put,
    filtered: view !== views[0] || inAddress !== '' || range !== days,
    clear: () => {
      type('');
      put({ search: null, view: null, days: null });
    },
  };
}

const PAUSE = 250;

/**
 * What stands in a field whose words are in the address: what is typed goes there after a pause, and where the address changes
 * in any other way (a link, Back), the field follows it.
 */
export function useTyped(inAddress: string, put: (text: string) => void): [typed: string, type: (text: string) => void] {
  const [field, set] = useState({ typed: inAddress, settled: inAddress, address: inAddress });
  const { typed, settled, address } = field;
  // what was put there from here is no reason to take back what has been typed since
  if (address !== inAddress) set(inAddress === settled ? { ...field, address: inAddress } : { typed: inAddress, settled: inAddress, address: inAddress });
  useEffect(() => {
    if (typed === settled) return undefined;
    const timer = setTimeout(() => set((now) => ({ ...now, settled: typed })), PAUSE);
    return () => clearTimeout(timer);
  }, [typed, settled]);
  useEffect(() => {
    if (settled !== inAddress) put(settled);
    // only what was typed is put into the address, and once
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
  return [typed, (text) => set((now) => ({ ...now, typed: text }))];
}

/** The words of the address after a change: what is empty is left out, and another list begins at its first page. */
export function changed(before: URLSearchParams, changes: Record<string, string | null>): URLSearchParams {
  const next = new URLSearchParams(before);
  if (!('page' in changes) && !('columns' in changes)) next.delete('page');
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '' || (name === 'page' && value === '1')) next.delete(name);
    else next.set(name, value);
  }
  return next;
}

/** The moment from which a range of so many days counts, to the hour, so that it is the same question for a while. */
export function sinceDays(days: number, now: number): string | undefined {
  if (days === 0) return undefined;
  const hour = 3_600_000;
  return new Date(Math.floor((now - days * 24 * hour) / hour) * hour).toISOString();
}
