import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useDebounced } from '../../lib/debounce';

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
  const [typed, type] = useState(inAddress);
  const settled = useDebounced(typed, 250);
  const put = (changes: Record<string, string | null>) => setQuery((before) => changed(before, changes), { replace: true });
  useEffect(() => {
    if (settled !== inAddress) put({ search: settled });
    // only what was typed is put into the address; a change of the address alone changes nothing here
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
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
