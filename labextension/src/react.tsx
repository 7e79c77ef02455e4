import { createContext, useContext, useEffect, useState } from 'react';
import type { ISignal } from '@lumino/signaling';
import type { Texts } from './text';

export const TextsContext = createContext<Texts | null>(null);

export function useTexts(): Texts {
  const texts = useContext(TextsContext);
  if (texts === null) throw new Error('no texts around this');
  return texts;
}

/** Renders again at every emission. */
export function useSignal(signal: ISignal<unknown, unknown>): void {
  const [, again] = useState(0);
  useEffect(() => {
    const slot = () => again((n) => n + 1);
    signal.connect(slot);
    return () => void signal.disconnect(slot);
  }, [signal]);
}

/** The time in milliseconds, anew every so often while the page is seen. */
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, every);
    return () => window.clearInterval(timer);
  }, [every]);
  return now;
}

/** The value once it has not changed for so long. */
export function useSettled<T>(value: T, after: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), after);
    return () => window.clearTimeout(timer);
  }, [value, after]);
  return settled;
}
