import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FromStream } from '../src/live/messages';
import { Multiplexer } from '../src/live/multiplexer';

type Opened = { url: URL; headers: Record<string, string>; push: (text: string) => void; end: () => void };
let opened: Opened[] = [];
let status = 200;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  opened = [];
  status = 200;
  vi.stubGlobal('fetch', (url: URL, { headers }: { headers: Record<string, string> }) => {
    let control!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (c) => { control = c; } });
    opened.push({ url, headers, push: (text) => control.enqueue(new TextEncoder().encode(text)), end: () => control.close() });
    return Promise.resolve(new Response(status === 200 ? body : null, { status }));
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const hello = { type: 'hello', api: 'http://hub/services/primehub/api/v1', xsrf: 'x1', since: '' } as const;
const made = () => {
  const got: [string | null, FromStream][] = [];
  return { got, stream: new Multiplexer((to, message) => got.push([to, message])) };
};
const flush = () => vi.advanceTimersByTimeAsync(1);

test('many tabs share one stream, and each hears every change', async () => {
  const { got, stream } = made();
  for (const tab of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) stream.receive(tab, hello);
  await flush();
  expect(opened).toHaveLength(1);
  expect(opened[0]!.headers['X-XSRFToken']).toBe('x1');
  opened[0]!.push('id: 5\nevent: change\ndata: {"kind":"notebook","id":"n","action":"update"}\n\n');
  await flush();
  expect(got.filter(([to, m]) => to === null && m.type === 'change')).toHaveLength(1);
});

test('after a break it goes on from the last event seen, and waits longer each time', async () => {
  const { got, stream } = made();
  stream.receive('a', hello);
  await flush();
  opened[0]!.push('id: 41\nevent: hello\ndata: {}\n\n');
  await flush();
  status = 503;
  opened[0]!.end();
  await flush();
  const lost = got.findLast(([, m]) => m.type === 'state')![1];
  expect(lost).toMatchObject({ state: { is: 'lost' } });
  await vi.advanceTimersByTimeAsync(1500);
  expect(opened).toHaveLength(2);
  expect(opened[1]!.headers['Last-Event-ID']).toBe('41');
  await vi.advanceTimersByTimeAsync(1400);
  expect(opened).toHaveLength(2);
});

test('a silent stream is taken for dead', async () => {
  const { stream } = made();
  stream.receive('a', hello);
  await flush();
  await vi.advanceTimersByTimeAsync(46_000);
  expect(opened.length).toBeGreaterThan(1);
});

test('logs ride in the same stream, from the offset that the tab has, and go to the tab that asked', async () => {
  const { got, stream } = made();
  stream.receive('a', hello);
  stream.receive('b', hello);
  await flush();
  stream.receive('b', { type: 'logs', logs: { n1: 120 } });
  await flush();
  expect(opened.at(-1)!.url.searchParams.get('logs')).toBe('n1:120');
  opened.at(-1)!.push('event: log\ndata: {"id":"n1","offset":120,"next":125,"text":"five\\n","ended":false}\n\n');
  await flush();
  expect(got.filter(([, m]) => m.type === 'log').map(([to]) => to)).toEqual(['b']);
});

test('the end of the session ends it, until somebody signs in again', async () => {
  const { got, stream } = made();
  stream.receive('a', hello);
  await flush();
  opened[0]!.push('event: gone\ndata: {}\n\n');
  await flush();
  expect(got.at(-1)![1]).toEqual({ type: 'state', state: { is: 'signed-out' } });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(opened).toHaveLength(1);
  stream.receive('b', hello);
  await flush();
  expect(opened).toHaveLength(2);
});

test('without any tab there is no stream', async () => {
  const { stream } = made();
  stream.receive('a', hello);
  await flush();
  opened[0]!.push('id: 1\nevent: hello\ndata: {}\n\n');
  stream.receive('a', { type: 'bye' });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(opened).toHaveLength(1);
});

test('only the first opening, where nobody knows since when, asks the pages to look again; opening anew for a log does not', async () => {
  const { got, stream } = made();
  stream.receive('a', hello);
  await flush();
  stream.receive('a', { type: 'logs', logs: { n1: 0 } });
  await flush();
  expect(opened).toHaveLength(2);
  expect(got.filter(([, m]) => m.type === 'reset')).toHaveLength(1);
});

test('a stream begins where the first page was sent, and no page has to look again', async () => {
  const { got, stream } = made();
  stream.receive('a', { ...hello, since: '70' });
  stream.receive('b', { ...hello, since: '75' });
  await flush();
  expect(opened.map(({ headers }) => headers['Last-Event-ID'])).toEqual(['70']);
  expect(got.filter(([, m]) => m.type === 'reset')).toHaveLength(0);
});

test('a log of a job is heard by the tabs that follow that attempt, and gone on with after a break', async () => {
  const { got, stream } = made();
  stream.receive('a', hello);
  stream.receive('b', hello);
  stream.receive('a', { type: 'logs', logs: { 'job-1/2': 10 } });
  await vi.advanceTimersByTimeAsync(1000);
  const last = opened.at(-1)!;
  expect(last.url.searchParams.get('logs')).toBe('job-1/2:10');
  last.push('event: log\ndata: {"id":"job-1","attempt":2,"offset":10,"next":13,"text":"two","ended":false}\n\n');
  last.push('event: log\ndata: {"id":"job-1","attempt":3,"offset":0,"next":5,"text":"three","ended":false}\n\n');
  await flush();
  const heard = got.filter(([, m]) => m.type === 'log').map(([to, m]) => [to, m.type === 'log' && m.part.text]);
  expect(heard).toEqual([['a', 'two']]);
  last.end();
  await vi.advanceTimersByTimeAsync(3000);
  expect(opened.at(-1)!.url.searchParams.get('logs')).toBe('job-1/2:13');
});

test('after a long sleep the stream is opened anew, though no tab could say in time that it is there', async () => {
  const { stream } = made();
  stream.receive('a', hello);
  await flush();
  opened[0]!.push('id: 7\nevent: hello\ndata: {}\n\n');
  await flush();
  vi.setSystemTime(Date.now() + 600_000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(opened.map(({ headers }) => headers['Last-Event-ID'])).toEqual([undefined, '7']);
});

test.each(['alive', 'retry'] as const)('a tab that was frozen and forgotten has the stream again with its first sign of life (%s), and is asked for its logs', async (type) => {
  const { got, stream } = made();
  stream.receive('a', hello);
  stream.receive('a', { type: 'logs', logs: { n1: 10 } });
  await flush();
  opened.at(-1)!.push('id: 7\nevent: hello\ndata: {}\n\n');
  await vi.advanceTimersByTimeAsync(1000);
  for (let silent = 0; silent < 240; silent += 10) {
    opened.at(-1)!.push(': still here\n\n');
    await vi.advanceTimersByTimeAsync(10_000);
  }
  const before = opened.length;
  stream.receive('a', { type, xsrf: 'x2' });
  await flush();
  expect(opened).toHaveLength(before + 1);
  expect(opened.at(-1)!.headers['Last-Event-ID']).toBe('7');
  expect(got).toContainEqual(['a', { type: 'tell' }]);
  expect(got).toContainEqual(['a', { type: 'reset' }]);
  expect(got.filter(([to, m]) => to === 'a' && m.type === 'state')).toHaveLength(2); // it may have missed how things stand
  stream.receive('a', { type, xsrf: 'x2' });
  expect(got.filter(([, m]) => m.type === 'tell')).toHaveLength(1);
  stream.receive('a', { type: 'logs', logs: { n1: 25 } });
  await flush();
  expect(opened.at(-1)!.url.searchParams.get('logs')).toBe('n1:25');
});

test('a sign of life asks nobody to sign in again and again', async () => {
  const { stream } = made();
  status = 401;
  stream.receive('a', hello);
  await flush();
  stream.receive('a', { type: 'alive', xsrf: 'x1' });
  await flush();
  expect(opened).toHaveLength(1);
});

test('a second tab that has less of a log gets what it lacks', async () => {
  const { stream } = made();
  stream.receive('a', hello);
  stream.receive('b', hello);
  stream.receive('a', { type: 'logs', logs: { n1: 0 } });
  await flush();
  opened.at(-1)!.push('event: log\ndata: {"id":"n1","offset":0,"next":500,"text":"much","ended":false}\n\n');
  await flush();
  stream.receive('b', { type: 'logs', logs: { n1: 400 } });
  await flush();
  expect(opened.at(-1)!.url.searchParams.get('logs')).toBe('n1:400');
  const before = opened.length;
  stream.receive('b', { type: 'logs', logs: { n1: 400 } });
  await flush();
  expect(opened).toHaveLength(before);
  stream.receive('a', { type: 'logs', logs: { n1: 300 } }); // it missed a part
  await flush();
  expect(opened.at(-1)!.url.searchParams.get('logs')).toBe('n1:300');
});

test('of more logs than a stream carries, those asked for last are in it, and the others as there is room', async () => {
  const { stream } = made();
  const logs = () => (opened.at(-1)!.url.searchParams.get('logs') ?? '').split(',').map((log) => log.split(':')[0]);
  for (let i = 1; i <= 21; i++) {
    stream.receive(`tab${i}`, hello);
    stream.receive(`tab${i}`, { type: 'logs', logs: { [`n${i}`]: i } });
  }
  await flush();
  expect(logs()).toHaveLength(20);
  expect(logs()).not.toContain('n1');
  stream.receive('tab1', { type: 'retry', xsrf: 'x1' }); // somebody looks at it
  await flush();
  expect(logs()).toHaveLength(20);
  expect(logs()).toContain('n1');
  expect(logs()).not.toContain('n2');
  stream.receive('tab21', { type: 'bye' });
  await flush();
  expect(logs()).toHaveLength(20);
  expect(logs()).toContain('n2');
});

test('a log that is left and followed again is asked for again', async () => {
  const { stream } = made();
  stream.receive('a', hello);
  stream.receive('a', { type: 'logs', logs: { n1: 10 } });
  stream.receive('a', { type: 'logs', logs: {} });
  await flush();
  const before = opened.length;
  stream.receive('a', { type: 'logs', logs: { n1: 10 } });
  await flush();
  expect(opened).toHaveLength(before + 1);
});
