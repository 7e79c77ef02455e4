import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LogPart } from '../src/live/messages';
import type { LogSource } from '../src/parts/log';
import { LogView } from '../src/parts/LogView';

const stream = vi.hoisted(() => ({ takers: new Set<(part: LogPart) => void>() }));
vi.mock('../src/live/live', () => ({
  useLive: () => ({
    follow: (_id: string, _offset: number, take: (part: LogPart) => void) => {
      stream.takers.add(take);
      return () => stream.takers.delete(take);
    },
  }),
}));

const ROW = 20;
let height: number;
let resized: (() => void)[];

/** A browser's layout: each line is 20 px tall, the box `height`, and no box scrolls beyond its end. */
beforeEach(() => {
  height = 400;
  resized = [];
  const tops = new WeakMap<Element, number>();
  const all = (el: Element) => Math.max(height, el.querySelectorAll('.row').length * ROW);
  vi.spyOn(HTMLElement.prototype, 'scrollHeight', 'get').mockImplementation(function (this: HTMLElement) { return all(this); });
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockImplementation(() => height);
  vi.spyOn(HTMLElement.prototype, 'scrollTop', 'get').mockImplementation(function (this: HTMLElement) { return Math.min(tops.get(this) ?? 0, all(this) - height); });
  vi.spyOn(HTMLElement.prototype, 'scrollTop', 'set').mockImplementation(function (this: HTMLElement, top: number) { tops.set(this, Math.min(top, all(this) - height)); });
  vi.stubGlobal('ResizeObserver', class {
    constructor(tell: () => void) { resized.push(tell); }
    observe() { /* it is told by `resize` */ }
    disconnect() { /* nothing is kept */ }
  });
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  stream.takers.clear();
});

const text = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');

async function shown(lines: number, ended: boolean) {
  const body = text(0, lines);
  const source: LogSource = { stream: 'job-1/1', download: '/log', read: vi.fn().mockResolvedValue({ offset: 0, next_offset: body.length, text: body }) };
  const queries = new QueryClient();
  const page = (over: boolean) => <QueryClientProvider client={queries}><LogView source={source} ended={over} /></QueryClientProvider>;
  const { rerender } = render(page(ended));
  const box = await screen.findByRole('region', { name: 'Log' });
  let at = body.length;
  return {
    box,
    end: () => rerender(page(true)),
    comes: (more: string) => act(() => {
      for (const take of stream.takers) take({ id: source.stream, offset: at, next: at + more.length, text: more, ended: false });
      at += more.length;
    }),
    scroll: (top: number) => {
      box.scrollTop = top;
      fireEvent.scroll(box);
    },
    resize: (to: number) => act(() => {
      height = to;
      for (const tell of resized) tell();
    }),
  };
}
const left = (box: HTMLElement) => box.scrollHeight - box.scrollTop - box.clientHeight;
const follows = () => screen.getByRole<HTMLInputElement>('checkbox', { name: 'Follow' }).checked;

test('a log opens at its end, whether or not what wrote it has ended', async () => {
  for (const ended of [true, false]) {
    const { box } = await shown(3000, ended);
    expect(box.scrollTop).toBe(3000 * ROW - 400);
    cleanup();
  }
});

test('lines that come with the end and after it are scrolled to', async () => {
  const log = await shown(100, false);
  log.end();
  log.comes(text(100, 140));
  expect([left(log.box), log.box.scrollTop]).toEqual([0, 140 * ROW - 400]);
});

test('only a person’s scrolling stops following, by whatever means, and nobody else’s does', async () => {
  const { box, scroll, resize, comes } = await shown(100, false);
  scroll(900);
  expect([follows(), left(box)], 'a reflow or an anchor').toEqual([true, 0]);
  resize(300);
  expect([follows(), left(box)], 'a smaller window').toEqual([true, 0]);
  resize(500);
  expect([follows(), left(box)], 'a larger window').toEqual([true, 0]);
  const means: [string, () => void][] = [
    ['wheel', () => fireEvent.wheel(box, { deltaY: -100 })], ['finger', () => fireEvent.touchMove(box)], ['key', () => fireEvent.keyDown(box, { key: 'PageUp' })], ['scroll bar', () => fireEvent.pointerDown(box)],
  ];
  for (const [name, move] of means) {
    move();
    scroll(700);
    expect(follows(), name).toBe(false);
    comes(text(0, 1));
    expect(box.scrollTop, name).toBe(700);
    fireEvent.pointerUp(window);
    move();
    scroll(box.scrollHeight);
    expect(follows(), `${name}, back at the end`).toBe(true);
    fireEvent.pointerUp(window);
  }
});

test('a key that scrolls nothing, and a press that was let go long ago, stop nothing', async () => {
  const { box, scroll } = await shown(100, false);
  fireEvent.keyDown(box, { key: 'Tab' });
  scroll(900);
  expect(follows()).toBe(true);
  const clock = vi.spyOn(performance, 'now').mockReturnValue(10_000);
  fireEvent.pointerDown(box);
  fireEvent.pointerUp(window);
  clock.mockReturnValue(11_000);
  scroll(900);
  expect([follows(), left(box)]).toEqual([true, 0]);
});

test('two buttons lead to the beginning and to the end, while there is something to scroll', async () => {
  const { box, comes, resize } = await shown(3, true);
  expect(screen.queryByRole('button', { name: 'To the end' })).toBeNull();
  comes(text(3, 100));
  resize(400);
  fireEvent.click(screen.getByRole('button', { name: 'To the beginning' }));
  expect(box.scrollTop).toBe(0);
  comes(text(100, 120));
  expect(box.scrollTop).toBe(0);
  fireEvent.click(screen.getByRole('button', { name: 'To the end' }));
  expect(left(box)).toBe(0);
});

test('lines that a search found begin with the first, and afterwards the log is where it was', async () => {
  const { box, scroll } = await shown(300, false);
  const search = screen.getByRole('textbox', { name: 'Search the log' });
  fireEvent.change(search, { target: { value: 'line 1' } });
  await waitFor(() => expect(box.querySelectorAll('mark')).toHaveLength(111));
  expect(box.scrollTop).toBe(0);
  fireEvent.change(search, { target: { value: '' } });
  await waitFor(() => expect(box.querySelectorAll('.row')).toHaveLength(300));
  expect([left(box), follows()]).toEqual([0, true]);
  fireEvent.wheel(box);
  scroll(700);
  fireEvent.change(search, { target: { value: 'line 1' } });
  await waitFor(() => expect(box.querySelectorAll('mark')).toHaveLength(111));
  expect(box.scrollTop).toBe(0);
  fireEvent.change(search, { target: { value: '' } });
  await waitFor(() => expect(box.querySelectorAll('.row')).toHaveLength(300));
  expect([box.scrollTop, follows()]).toEqual([700, false]);
});

test('a log may be as tall as what the window has below it, and never less than a few lines', async () => {
  vi.spyOn(HTMLElement.prototype, 'getBoundingClientRect').mockReturnValue({ top: 300 } as DOMRect);
  vi.stubGlobal('innerHeight', 800);
  const { box, resize } = await shown(100, true);
  expect(box.style.getPropertyValue('--fits')).toBe('459px');
  vi.stubGlobal('innerHeight', 400);
  resize(160);
  expect(box.style.getPropertyValue('--fits')).toBe('160px');
});
