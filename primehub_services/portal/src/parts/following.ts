import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

/** How long, in ms, what a wheel, a finger or a key moved may go on moving. */
const LINGERS = 300;
const KEYS = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ']);
/** So near the end is at the end, for whoever scrolls down to it. */
const NEAR = 24;
/** The least height of a log, and what stands below it: the page's own margin and the log's edge. */
const LEAST = 160;
const BELOW = 41;

const left = (el: HTMLElement) => el.scrollHeight - el.scrollTop - el.clientHeight;
/** Says to the styles how much of the window there is below the log's top: it may be as tall as that. */
const fit = (el: HTMLElement) => el.style.setProperty('--fits', `${Math.max(LEAST, Math.floor(innerHeight - el.getBoundingClientRect().top - scrollY - BELOW))}px`);

/**
 * A box that stays at its end while lines come and while it or its text changes its size. Only a person's own scrolling
 * (wheel, finger, key, a pressed pointer) stops that, and begins it again at the end; a scroll event alone says nothing of who scrolled.
 * While something is searched for, the lines found are shown from the first one on.
 */
export function useFollowing(lines: readonly string[], searched: string) {
  const [following, follow] = useState(true);
  const [long, setLong] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const hand = useRef({ held: false, at: -LINGERS });
  const place = useRef({ top: 0, all: 0 });
  const ends = following && searched === '';
  const latest = useRef({ ends, searched });
  const put = useCallback((el: HTMLElement, top: number) => {
    el.scrollTop = top;
    place.current.top = el.scrollTop;
  }, []);

  useLayoutEffect(() => {
    const before = latest.current.searched;
    latest.current = { ends, searched };
    if (!box.current) return;
    if (ends) put(box.current, box.current.scrollHeight);
    else if (searched !== before) put(box.current, searched === '' ? place.current.all : 0);
  }, [ends, searched, lines, put]);

  const attach = useCallback((el: HTMLDivElement | null) => {
    box.current = el;
    if (!el) return undefined;
    const measure = () => {
      fit(el);
      setLong(el.scrollHeight > el.clientHeight + 1);
      if (latest.current.ends) put(el, el.scrollHeight);
    };
    const watch = new ResizeObserver(measure);
    // banners, and what comes above it on the page, leave it less room
    for (const one of [el, el.firstElementChild, el.closest('.page'), document.querySelector('.banners')]) if (one) watch.observe(one);
    addEventListener('resize', measure);
    measure();
    return () => {
      watch.disconnect();
      removeEventListener('resize', measure);
      setLong(false);
    };
  }, [put]);

  useEffect(() => {
    const release = () => {
      if (hand.current.held) hand.current = { held: false, at: performance.now() };
    };
    // a browser may tell nothing of the release of its scroll bar
    const moved = (event: PointerEvent) => {
      if (event.buttons === 0) release();
    };
    addEventListener('pointerup', release);
    addEventListener('pointercancel', release);
    addEventListener('pointermove', moved, { passive: true });
    return () => {
      removeEventListener('pointermove', moved);
      removeEventListener('pointerup', release);
      removeEventListener('pointercancel', release);
    };
  }, []);

  const moves = () => {
    hand.current.at = performance.now();
  };
  const scrolled = () => {
    const el = box.current;
    if (!el) return;
    const up = el.scrollTop < place.current.top;
    place.current.top = el.scrollTop;
    if (searched !== '') return;
    place.current.all = el.scrollTop;
    const byPerson = hand.current.held || performance.now() - hand.current.at < LINGERS;
    if (!byPerson) {
      if (following && left(el) > 1) put(el, el.scrollHeight);
    } else if (following && up && left(el) > 1) follow(false);
    else if (!following) {
      moves();
      if (!up && left(el) < NEAR) follow(true);
    }
  };

  return {
    following, follow, long, box: attach,
    toStart: () => {
      follow(false);
      if (box.current) put(box.current, 0);
    },
    toEnd: () => {
      follow(true);
      if (box.current) put(box.current, box.current.scrollHeight);
    },
    handlers: {
      onScroll: scrolled,
      onWheel: moves,
      onTouchMove: moves,
      onPointerDown: () => {
        hand.current.held = true;
      },
      onKeyDown: (event: { key: string }) => {
        if (KEYS.has(event.key)) moves();
      },
    },
  };
}

