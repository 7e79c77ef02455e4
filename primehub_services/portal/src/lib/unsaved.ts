import { useEffect, useSyncExternalStore } from 'react';

/** How much was typed on this page, or is shown this once, and is kept nowhere else. */
let holds = 0;
const listeners = new Set<() => void>();

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

function change(by: 1 | -1): void {
  holds += by;
  if (holds > 0) addEventListener('beforeunload', ask);
  else removeEventListener('beforeunload', ask);
  for (const listener of listeners) listener();
}

function hold(): () => void {
  change(1);
  return () => change(-1);
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
export const useAnythingUnsaved = (): boolean => useSyncExternalStore(subscribe, () => holds > 0);
