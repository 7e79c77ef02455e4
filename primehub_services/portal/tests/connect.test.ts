import { afterEach, expect, test, vi } from 'vitest';
import { connect } from '../src/live/connect';
import type { FromStream } from '../src/live/messages';

afterEach(() => vi.unstubAllGlobals());

test('over plain http, where a browser has neither locks nor UUIDs, a tab without SharedWorker has a stream of its own', async () => {
  const asked: URL[] = [];
  vi.stubGlobal('SharedWorker', undefined);
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('fetch', (url: URL) => {
    asked.push(url);
    return Promise.resolve(new Response(new ReadableStream(), { status: 200 }));
  });
  const [first, second]: [FromStream[], FromStream[]] = [[], []];
  const links = [connect((message) => first.push(message)), connect((message) => second.push(message))];
  await vi.waitFor(() => {
    for (const heard of [first, second]) expect(heard.filter((m) => m.type === 'state').map(({ state }) => state.is)).toEqual(['connecting', 'connecting', 'open']);
  });
  expect(asked).toHaveLength(2);
  links[1]!.send({ type: 'logs', logs: { n1: 5 } });
  await vi.waitFor(() => expect(asked.map(({ searchParams }) => searchParams.get('logs'))).toEqual([null, null, 'n1:5']));
  for (const link of links) link.close();
});
