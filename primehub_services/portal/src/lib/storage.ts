import { useCallback, useState } from 'react';

/** What this browser remembers. Storage may be full or forbidden; then nothing is remembered, and nothing breaks. */
export function recall<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`primehub.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`primehub.${key}`, JSON.stringify(value));
  } catch {
    // see above
  }
}

export function useRemembered<T>(key: string, otherwise: T): [T, (value: T) => void] {
  const [value, setValue] = useState(() => recall(key, otherwise));
  const set = useCallback((next: T) => {
    setValue(next);
    remember(key, next);
  }, [key]);
  return [value, set];
}
