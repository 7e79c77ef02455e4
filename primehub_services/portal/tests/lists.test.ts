import { renderHook } from '@testing-library/react';
import { expect, test } from 'vitest';
import { changed, sinceDays } from '../src/parts/list/address';
import { shownColumns } from '../src/parts/list/ListBar';
import { pagesAround } from '../src/parts/list/Pager';
import { steadied, useSteady } from '../src/parts/list/steady';

type Item = { id: string; phase: string };
const item = (id: string, phase = 'RUNNING'): Item => ({ id, phase });
const idOf = ({ id }: Item) => id;

test('rows under the pointer stay where they are and are renewed; what is new is counted', () => {
  const { rows, fresh, gone } = steadied([item('b'), item('a')], [item('c'), item('b', 'FAILED')], idOf);
  expect(rows).toEqual([item('b', 'FAILED'), item('a')]);
  expect(fresh).toBe(1);
  expect([...gone]).toEqual(['a']);
});

test('rows are held only while somebody is among them, and never for another question', () => {
  const first = [item('a')];
  const second = [item('b'), item('a')];
  const { result, rerender } = renderHook(({ key, items, held }) => useSteady(key, items, held, idOf), { initialProps: { key: 'all', items: first, held: true } });
  rerender({ key: 'all', items: second, held: true });
  expect([result.current.rows, result.current.fresh]).toEqual([first, 1]);
  rerender({ key: 'failed', items: [item('x')], held: true });
  expect(result.current.rows).toEqual([item('x')]);
  rerender({ key: 'failed', items: second, held: false });
  expect([result.current.rows, result.current.fresh]).toEqual([second, 0]);
});

test('rows that stand in until a search is answered are not held in its place', () => {
  const all = [item('b'), item('a')];
  const { result, rerender } = renderHook(({ key, items, stale }) => useSteady(key, items, true, idOf, stale), { initialProps: { key: '', items: all, stale: false } });
  rerender({ key: 'a', items: all, stale: true });
  expect(result.current.rows).toEqual(all);
  rerender({ key: 'a', items: [item('a')], stale: false });
  expect([result.current.rows, result.current.gone.size]).toEqual([[item('a')], 0]);
  rerender({ key: 'a', items: [item('c'), item('a')], stale: false });
  expect([result.current.rows, result.current.fresh]).toEqual([[item('a')], 1]);
});

test('a change of the list begins at its first page, and empty words leave the address', () => {
  const address = new URLSearchParams('page=7&view=failed');
  expect(changed(address, { search: 'unet' }).toString()).toBe('view=failed&search=unet');
  expect(changed(address, { view: null }).toString()).toBe('');
  expect(changed(address, { page: '1' }).toString()).toBe('view=failed');
  expect(changed(address, { columns: 'name' }).toString()).toBe('page=7&view=failed&columns=name');
});

test('a range is the same question for an hour', () => {
  const at = Date.parse('2026-03-12T14:11:04Z');
  expect(sinceDays(1, at)).toBe('2026-03-11T14:00:00.000Z');
  expect(sinceDays(1, at + 60_000)).toBe(sinceDays(1, at));
  expect(sinceDays(0, at)).toBeUndefined();
});

test('pages are named at both ends and around this one', () => {
  expect(pagesAround(1, 205)).toEqual([1, 2, null, 205]);
  expect(pagesAround(7, 205)).toEqual([1, null, 6, 7, 8, null, 205]);
  expect(pagesAround(2, 3)).toEqual([1, 2, 3]);
});

test('columns that were chosen are shown at any width, and the name always', () => {
  const column = (key: string, more = {}) => ({ key, title: key, cell: () => null, ...more });
  const all = [column('name', { fixed: true }), column('user'), column('command', { from: 'wide' }), column('id', { from: 'off' })];
  expect(shownColumns(all, null).map((c) => c.key)).toEqual(['name', 'user', 'command']);
  expect(shownColumns(all, ['id', 'command'])).toMatchObject([{ key: 'name' }, { key: 'command', from: 'off' }, { key: 'id' }]);
});
