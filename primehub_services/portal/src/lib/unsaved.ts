/** What was typed on this page and is saved nowhere. */
const holders = new Set<symbol>();

export const anythingUnsaved = (): boolean => holders.size > 0;

/** Closing the tab asks, and a session's end keeps the page in place, until what this returns is called. */
export function holdUnsaved(): () => void {
  const holder = Symbol();
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  holders.add(holder);
  addEventListener('beforeunload', ask);
  return () => {
    holders.delete(holder);
    removeEventListener('beforeunload', ask);
  };
}
