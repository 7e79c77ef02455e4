import type { UseQueryResult } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test } from 'vitest';
import { AdminList, NameCell, useListState, type Column } from '../src/pages/admin/parts/AdminList';

type Row = { id: string };
const list = { data: { items: [{ id: 'lab' }], total: 1 }, isPlaceholderData: false } as unknown as UseQueryResult<{ items: Row[]; total: number }>;
const columns: Column<Row>[] = [{ key: 'name', title: 'Name', cell: (row) => <NameCell to={`/admin/groups/${row.id}`} name={row.id} /> }];
const Groups = () => (
  <AdminList list={list} state={useListState(['all'])} words={{ title: 'Groups', search: 'Name', none: 'None', failed: 'Failed' }} columns={columns} id={(row) => row.id}
    panel={{ name: (row) => row.id, href: (row) => `/admin/groups/${row.id}`, read: () => <p>2 members</p> }} />
);

afterEach(cleanup);

test('the panel of the only row opens by keyboard, and Esc in it closes it and goes back to the row', () => {
  const router = createMemoryRouter([{ path: '/', element: <Groups /> }]);
  render(<RouterProvider router={router} />);
  const name = screen.getByRole('link', { name: 'lab' });
  name.focus();
  fireEvent.keyDown(name, { key: ' ' });
  expect(screen.getByRole('complementary', { name: 'About lab' })).toBeTruthy();
  screen.getByRole('button', { name: 'Close' }).focus();
  fireEvent.keyDown(document.activeElement!, { key: 'Escape' });
  expect(screen.queryByRole('complementary')).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole('link', { name: 'lab' }));
});
