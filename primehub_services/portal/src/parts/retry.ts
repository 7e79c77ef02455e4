import { useLayoutEffect, useRef, type RefObject } from 'react';

let waitsAt: string | null = null;

/**
 * The box of a failure with its button to try again. While the answer is waited for neither is there: whoever was on the
 * button waits at the page, and is on it again where the page fails anew. Nobody else's focus is moved.
 */
export function useRetryFocus(): RefObject<HTMLDivElement | null> {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = box.current;
    const page = document.querySelector<HTMLElement>('main');
    if (waitsAt === location.pathname && document.activeElement === page) node?.querySelector('button')?.focus();
    waitsAt = null;
    return () => {
      if (!node?.contains(document.activeElement)) return;
      waitsAt = location.pathname;
      page?.focus({ preventScroll: true });
    };
  }, []);
  return box;
}
