import { useEffect, useSyncExternalStore } from 'react';

/** What was typed on this page, or is shown this once, and is kept nowhere else. */
const holders = new Set<symbol>();
const listeners = new Set<() => void>();

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

function hold(): () => void {
  const holder = Symbol();
  const changed = () => {
    if (holders.size > 0) addEventListener('beforeunload', ask);
    else removeEventListener('beforeunload', ask);
    for (const listener of listeners) listener();
  };
  holders.add(holder);
  changed();
  return () => {
    holders.delete(holder);
    changed();
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** While `any` is true, closing the tab asks, and the end of the session keeps the page. */
export function useUnsaved(any: boolean): void {
  useEffect(() => (any ? hold() : undefined), [any]);
}

/** Whether leaving this document would lose something. */
export const useAnythingUnsaved = (): boolean => useSyncExternalStore(subscribe, () => holders.size > 0);
