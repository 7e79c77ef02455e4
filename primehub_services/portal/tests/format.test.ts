import { expect, test } from 'vitest';
import { about, ago, amount, clock, cores, duration, memory, moment } from '../src/lib/format';
import { bare, show } from '../src/lib/resources';

test('amounts are read as the API writes them and shown with their unit', () => {
  expect(cores(0.5)).toBe('0.5 cores');
  expect(cores(1)).toBe('1 core');
  expect(memory('8Gi')).toBe('8 GiB');
  expect(memory('300Mi')).toBe('300 MiB');
  expect(memory('1.5Gi')).toBe('1.5 GiB');
  expect(amount('512 MiB', 'memory')).toBe(0.5);
  expect(amount('0.5 cores', 'cpu')).toBe(0.5);
});

test('a number beside a limit keeps its own unit where that is another', () => {
  expect(bare('memory', 4, 16)).toBe('4');
  expect(bare('memory', 0.5, 16)).toBe('512 MiB');
  expect(show('gpu', 1)).toBe('1 GPU');
});

test('times have two units at most, countdowns one', () => {
  expect(duration(1112)).toBe('18 min 32 s');
  expect(duration(7200)).toBe('2 h');
  expect(about(41 * 60 + 20)).toBe('41 min');
  const now = Date.parse('2026-03-12T14:11:04Z');
  expect(ago('2026-03-12T14:08:04Z', now)).toBe('3 min ago');
  expect(ago('2026-03-02T14:08:04Z', now)).toBe('2026-03-02');
});

test('a time of day has its date where that is not today’s', () => {
  const now = new Date(2026, 2, 12, 14, 0).getTime();
  const at = new Date(2026, 2, 12, 9, 12, 1).toISOString();
  expect(moment(at, now)).toBe(clock(at));
  expect(moment(new Date(2026, 2, 15, 9, 12, 1).toISOString(), now)).toBe('2026-03-15 09:12:01');
});
