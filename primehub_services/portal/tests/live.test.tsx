import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render } from '@testing-library/react';
import { useEffect } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect } from '../src/live/connect';
import { LiveProvider, useLive } from '../src/live/live';
import type { FromStream, ToStream } from '../src/live/messages';

let said: ToStream[] = [];
let hear: (message: FromStream) => void;
vi.mock('../src/live/connect', () => ({ connect: vi.fn() }));

beforeEach(() => {
  said = [];
  vi.mocked(connect).mockImplementation((onMessage) => {
    hear = onMessage;
    return { send: (message) => said.push(message), close: () => undefined };
  });
});
afterEach(cleanup);

function Follow({ log, offset, take }: { log: string; offset: number; take: (text: string) => void }) {
  const { follow } = useLive();
  useEffect(() => follow(log, offset, ({ text }) => take(text)), [follow, log, offset, take]);
  return null;
}
const show = (children: React.ReactNode) => render(<QueryClientProvider client={new QueryClient()}><LiveProvider>{children}</LiveProvider></QueryClientProvider>);
const part = (offset: number, text: string) => act(() => hear({ type: 'log', part: { id: 'n1', offset, next: offset + text.length, text, ended: false } }));

test('a part of a log that came without the one before it is not taken, and the missing one is asked for', () => {
  const take = vi.fn();
  show(<Follow log="n1" offset={0} take={take} />);
  part(0, 'one');
  said = [];
  part(6, 'three');
  expect(take.mock.calls).toEqual([['one']]);
  expect(said).toEqual([{ type: 'logs', logs: { n1: 3 } }]);
  part(3, 'two');
  part(6, 'three');
  expect(take.mock.calls).toEqual([['one'], ['two'], ['three']]);
});

test('a second view of a log in the same tab gets what it lacks', () => {
  const [first, second] = [vi.fn(), vi.fn()];
  const { rerender } = show(<Follow log="n1" offset={0} take={first} />);
  part(0, 'one');
  rerender(<QueryClientProvider client={new QueryClient()}><LiveProvider><Follow log="n1" offset={0} take={first} /><Follow log="n1" offset={1} take={second} /></LiveProvider></QueryClientProvider>);
  expect(said.at(-1)).toEqual({ type: 'logs', logs: { n1: 1 } });
});

test('a tab whose wishes were forgotten says them again', () => {
  show(<Follow log="n1" offset={4} take={vi.fn()} />);
  said = [];
  act(() => hear({ type: 'tell' }));
  expect(said).toEqual([{ type: 'logs', logs: { n1: 4 } }]);
});
