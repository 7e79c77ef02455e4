import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useListState, useTyped } from '../src/parts/list/address';
import { DataTable, type Column } from '../src/parts/list/DataTable';
import { ListBar } from '../src/parts/list/ListBar';
import { Pager } from '../src/parts/list/Pager';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const Bar = () => <ListBar state={useListState(['all', 'mine'])} search="Name" />;

/** A list's bar at an address, and how to go on to another or to let a while pass. */
function shown(at: string) {
  const router = createMemoryRouter([{ path: '/jobs', element: <Bar /> }], { initialEntries: [at] });
  render(<RouterProvider router={router} />);
  const field = screen.getByRole<HTMLInputElement>('textbox');
  return {
    router, field, type: (value: string) => fireEvent.change(field, { target: { value } }),
    go: (to: string) => act(() => router.navigate(to)), wait: (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms)),
  };
}

test('what is typed goes into the address after a pause', async () => {
  const { router, type, wait } = shown('/jobs?view=mine');
  type('unet');
  await wait(200);
  expect(router.state.location.search).toBe('?view=mine');
  await wait(100);
  expect(router.state.location.search).toBe('?view=mine&search=unet');
});

test('the search field follows a link to another search, and to none', async () => {
  const { router, field, go, wait } = shown('/jobs?search=unet');
  await go('/jobs?search=bo');
  expect(field.value).toBe('bo');
  await go('/jobs');
  expect(field.value).toBe('');
  await wait(1000);
  expect(router.state.location.search).toBe('');
});

test('a link that comes before what was typed is asked for takes its place', async () => {
  const { router, field, type, go, wait } = shown('/jobs');
  type('une');
  await go('/jobs?search=bo');
  await wait(1000);
  expect([field.value, router.state.location.search]).toEqual(['bo', '?search=bo']);
});

test('what is typed while the words before it go into the address stays', async () => {
  const put = vi.fn();
  const Field = ({ at }: { at: string }) => {
    const [typed, type] = useTyped(at, put);
    return <input value={typed} onChange={(event) => type(event.target.value)} />;
  };
  const { rerender } = render(<Field at="" />);
  const field = screen.getByRole<HTMLInputElement>('textbox');
  fireEvent.change(field, { target: { value: 'une' } });
  await act(() => vi.advanceTimersByTimeAsync(300));
  expect(put).toHaveBeenCalledExactlyOnceWith('une');
  fireEvent.change(field, { target: { value: 'unet' } });
  rerender(<Field at="une" />);
  expect(field.value).toBe('unet');
});

test('a page that the list has no more gives way to the last one, once the list itself says so', () => {
  const turn = vi.fn();
  const { rerender } = render(<Pager label="Jobs" page={3} total={45} stale onTurn={turn} />);
  expect(turn).not.toHaveBeenCalled();
  rerender(<Pager label="Jobs" page={3} total={60} stale={false} onTurn={turn} />);
  expect(turn).toHaveBeenCalledExactlyOnceWith(2);
  expect(screen.queryByText(/of 60/)).toBeNull();
  rerender(<Pager label="Jobs" page={2} total={60} stale={false} onTurn={turn} />);
  expect(screen.getByText('51 to 60 of 60')).toBeTruthy();
  rerender(<Pager label="Jobs" page={2} total={45} stale={false} onTurn={turn} />);
  expect(turn).toHaveBeenLastCalledWith(1);
});

type Item = { id: string; phase: string };
const columns: Column<Item>[] = [
  { key: 'name', title: 'Name', cell: (row) => <a className="strong" href={`#${row.id}`}>{row.id}</a> },
  { key: 'state', title: 'Status', cell: (row) => row.phase },
  { key: 'actions', title: 'Actions', cell: (row) => <button type="button">Cancel {row.id}</button> },
];
const a = { id: 'a', phase: 'PENDING' };
const b = { id: 'b', phase: 'PENDING' };
const Table = ({ rows }: { rows: Item[] }) => <DataTable label="Jobs" columns={columns} rows={rows} stale={false} idOf={(row) => row.id} question="pending" />;

test('a row under the pointer that the list has no more says so, and offers nothing', () => {
  const { rerender } = render(<Table rows={[a, b]} />);
  fireEvent.pointerEnter(screen.getAllByRole('rowgroup')[1]!);
  rerender(<Table rows={[b]} />);
  expect(screen.getAllByRole('row')[1]!.className).toBe('gone');
  expect(screen.queryByRole('button', { name: 'Cancel a' })).toBeNull();
  expect(screen.getByText('No longer listed')).toBeTruthy();
  fireEvent.pointerLeave(screen.getAllByRole('rowgroup')[1]!);
  expect(screen.queryByText('a')).toBeNull();
});

test('the focus that goes with a button of such a row goes to the list, which is renewed then', () => {
  const { rerender } = render(<Table rows={[a, b]} />);
  act(() => screen.getByRole('button', { name: 'Cancel a' }).focus());
  rerender(<Table rows={[b]} />);
  expect(document.activeElement).toBe(screen.getByRole('region', { name: 'Jobs' }));
  expect(screen.queryByText('a')).toBeNull();
});
