import { expect, test } from 'vitest';
import { EventParser } from '../src/live/sse';

test('an event may come in any pieces', () => {
  const text = 'id: 7\nevent: change\ndata: {"a":1}\n\n: still here\n\nevent: log\ndata: one\ndata: two\n\n';
  for (let size = 1; size < text.length; size += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.slice(at, at + size)));
    expect(found).toEqual([
      { event: 'change', data: '{"a":1}', id: '7' },
      { event: 'log', data: 'one\ntwo', id: '7' },
    ]);
  }
});

test('line ends of every kind are understood, also cut in two', () => {
  const parser = new EventParser();
  expect(parser.push('data: a\r')).toEqual([]);
  expect(parser.push('\n\r\n')).toEqual([{ event: 'message', data: 'a', id: '' }]);
});

test('what is not finished is not an event yet', () => {
  const parser = new EventParser();
  expect(parser.push('id: 9\ndata: half')).toEqual([]);
  expect(parser.push('\n\n')[0]?.id).toBe('9');
});
