import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Change } from '../src/live/messages';
import { Refresher, STALE } from '../src/live/stale';

let queries: QueryClient;
let refresher: Refresher;
beforeEach(() => {
  vi.useFakeTimers();
  queries = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  refresher = new Refresher(queries);
});
afterEach(() => {
  queries.clear();
  vi.useRealTimers();
});

const changed = (kind: string) => refresher.changed({ kind, id: 'x', action: 'update' } satisfies Change);
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A page that shows `key`, with a server whose answers take `ms`, and are what was true when they were asked for. */
function opened(key: string, ms: number) {
  const server = { truth: 0, asked: 0, aborted: 0 };
  const observer = new QueryObserver(queries, {
    queryKey: [key],
    queryFn: ({ signal }) => {
      server.asked++;
      signal.addEventListener('abort', () => server.aborted++);
      const { truth } = server;
      return new Promise<number>((done) => setTimeout(() => done(truth), ms));
    },
  });
  observer.subscribe(() => undefined);
  return { server, data: () => observer.getCurrentResult().data };
}

async function shown(key: string, ms: number) {
  const page = opened(key, ms);
  await wait(ms);
  page.server.asked = 0;
  return page;
}

test('a single change is seen at once', async () => {
  const { server, data } = await shown('jobs', 10);
  await wait(5000);
  server.truth = 1;
  changed('job');
  await wait(40);
  expect(data()).toBe(1);
});

test('a burst of changes asks for a list a few times, not for each of them', async () => {
  const { server, data } = await shown('jobs', 10);
  for (let i = 1; i <= 100; i++) {
    server.truth = i;
    changed('job');
    await wait(10);
  }
  await wait(1000);
  expect(data()).toBe(100);
  expect(server.asked).toBeLessThan(7);
});

test('what is under way is not given up, and asked for once more since it may be older than the change', async () => {
  const { server, data } = await shown('jobs', 1000);
  changed('job');
  for (let i = 1; i <= 9; i++) {
    await wait(100);
    server.truth = i;
    changed('job');
  }
  expect(server.asked).toBe(1);
  await wait(2000);
  expect(data()).toBe(9);
  expect(server).toMatchObject({ asked: 2, aborted: 0 });
  await wait(5000);
  expect(server.asked).toBe(2);
});

test('a first answer that is under way when something changes is asked for once more too', async () => {
  const { server, data } = opened('jobs', 1000);
  await wait(500);
  server.truth = 1;
  changed('job');
  await wait(2000);
  expect(data()).toBe(1);
  expect(server).toMatchObject({ asked: 2, aborted: 0 });
});

test('a stream that missed something has everything asked for again, but no log', async () => {
  const [jobs, log] = [await shown('jobs', 10), await shown('log', 10)];
  refresher.all();
  await wait(100);
  expect([jobs.server.asked, log.server.asked]).toEqual([1, 0]);
});

test('a kind that this page does not know makes stale what is called like it', async () => {
  const { server } = await shown('deployment', 10);
  changed('deployment');
  await wait(100);
  expect(server.asked).toBe(1);
});

test('what makes the answer for a notebook stale makes the answer for a job stale', () => {
  const kinds = Object.keys(STALE).filter((kind) => STALE[kind]!.includes('launch-check'));
  expect(kinds).toContain('group');
  expect(kinds.filter((kind) => !STALE[kind]!.includes('job-check'))).toEqual([]);
});

test.each(['notebook', 'job'])('a %s that starts or ends changes what is held, in the group and on the platform, and what a form and a deletion say of it', (kind) => {
  expect(STALE[kind]).toEqual(expect.arrayContaining(['usage', 'platform-usage', 'launch-options', 'groups', 'queue', 'running']));
});
