import { useEffect, useState } from 'react';

/** The value once it has stayed the same for `wait` milliseconds. Compared by content, so objects may be made anew. */
export function useDebounced<T>(value: T, wait: number): T {
  const key = JSON.stringify(value);
  const [settled, settle] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => settle(key), wait);
    return () => clearTimeout(timer);
  }, [key, wait]);
  return JSON.parse(settled) as T;
}
