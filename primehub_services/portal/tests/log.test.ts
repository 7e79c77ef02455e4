import { expect, test } from 'vitest';
import { append, clean, noLines } from '../src/parts/log';

const part = (offset: number, text: string) => ({ offset, text, next: offset + new TextEncoder().encode(text).length });

test('a line that comes in two parts is one line', () => {
  const log = append(append(noLines, part(0, 'one\ntw')), part(6, 'o\n'));
  expect(log.lines).toEqual(['one', 'two']);
  expect(log.open).toBe('');
});

test('what was there already is not shown twice, whole or in part', () => {
  const first = append(noLines, part(0, 'grün\nzw'));
  expect(append(first, part(0, 'grün\n'))).toBe(first);
  expect(append(first, part(6, 'zwei\n')).lines).toEqual(['grün', 'zwei']);
});

test('colours go, and a bar that rewrites its line leaves its last form', () => {
  expect(clean('\u001b[31mred\u001b[0m')).toBe('red');
  expect(clean(' 1 %\r 50 %\r100 %\nend\r')).toBe('100 %\nend');
});

test('a bar that never ends its line is held in its last form only', () => {
  let log = append(noLines, part(0, 'begins\n'));
  for (let percent = 0; percent < 100; percent++) log = append(log, part(log.next, `\r ${percent} % done`));
  expect(log.open).toBe(' 99 % done');
  log = append(log, part(log.next, '\r'));
  expect(clean(log.open)).toBe(' 99 % done');
  expect(append(log, part(log.next, '\nends\n')).lines).toEqual(['begins', ' 99 % done', 'ends']);
});
