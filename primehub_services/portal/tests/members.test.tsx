import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { admin, type Account, type Group, type Membership } from '../src/api/admin';
import { api } from '../src/api/client';
import type { Me } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import GroupEdit from '../src/pages/admin/groups/GroupEdit';
import { UserEdit } from '../src/pages/admin/users/UserForm';
import { t } from '../src/text';

const group = { slug: 'lab', name: 'lab', display_name: 'Lab', description: '', user_quota: {}, group_quota: {}, shared_volume: false, pod_security: 'restricted', version: 1, created_at: '2026-11-29T12:00:00Z' } as unknown as Group;
const ann = { name: 'ann', display_name: 'Ann', email: '', enabled: true, version: 1, created_at: '2026-11-29T12:00:00Z' } as Account;
const member = (user: string, of = 'lab') => ({ user, group: of, role: 'member', origins: ['local'] }) as unknown as Membership;
let queries: QueryClient;

beforeEach(() => {
  queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  queries.setQueryData(admin.group('lab').queryKey, group);
  queries.setQueryData(admin.catalog().queryKey, { types: [], images: [], volumes: [] });
  queries.setQueryData(admin.user('ann').queryKey, ann);
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
  for (const method of ['PUT', 'DELETE', 'PATCH'] as const) vi.spyOn(api, method).mockResolvedValue({ data: {} });
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function shown(at: string) {
  const me = { name: 'root', platform_admin: true, local_accounts: true, groups: [] } as unknown as Me;
  const router = createMemoryRouter([{ path: '/groups/:id', element: <GroupEdit /> }, { path: '/users/:id', element: <UserEdit /> }], { initialEntries: [at] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={me}><main><RouterProvider router={router} /></main></SessionContext.Provider></QueryClientProvider>);
}

const save = () => fireEvent.click(screen.getAllByRole('button', { name: 'Save changes' })[0]!);
const path = (one: string, of = 'lab') => ({ params: { path: { group: of, user: one } } });

test('saving a group’s members leaves those whom others added meanwhile', async () => {
  queries.setQueryData(admin.members('lab').queryKey, [member('ann'), member('eve')]);
  shown('/groups/lab');
  fireEvent.click(await screen.findByLabelText(/Remove eve/));
  act(() => void queries.setQueryData(admin.members('lab').queryKey, [member('ann'), member('bo'), member('eve')]));
  await screen.findByText('bo');
  save();
  await waitFor(() => expect(api.DELETE).toHaveBeenCalledExactlyOnceWith('/groups/{group}/members/{user}', path('eve')));
  expect(api.PUT).not.toHaveBeenCalled();
});

test('what others give to a group meanwhile is kept, and no clash with what is taken away here', async () => {
  const type = (slug: string, groups: string[]) => ({ slug, name: slug, display_name: '', all_groups: false, groups, version: 1 });
  const catalog = (given: string[]) => ({ types: [type('cpu-1', ['lab']), type('cpu-2', given)], images: [], volumes: [] });
  queries.setQueryData(admin.members('lab').queryKey, []);
  queries.setQueryData(admin.catalog().queryKey, catalog([]) as never);
  shown('/groups/lab');
  fireEvent.click(document.querySelector('.ant-select-selection-item-remove')!);
  act(() => void queries.setQueryData(admin.catalog().queryKey, catalog(['lab']) as never));
  await screen.findAllByTitle('cpu-2');
  expect(screen.queryByText(/Somebody has changed this/)).toBeNull();
  save();
  await waitFor(() => expect(api.PATCH).toHaveBeenCalledExactlyOnceWith('/instance-types/{instance_type}', { params: { path: { instance_type: 'cpu-1' } }, body: { version: 1, groups: [] } }));
});

test('an emptied quota is neither none nor 0: it is asked for at its field, and nothing is saved', async () => {
  queries.setQueryData(admin.group('lab').queryKey, { ...group, user_quota: { cpu: 2, memory: null, gpu: null } });
  queries.setQueryData(admin.members('lab').queryKey, []);
  shown('/groups/lab');
  const field = await screen.findByLabelText('CPU for each person');
  fireEvent.change(field, { target: { value: '' } });
  save();
  expect(field.getAttribute('aria-invalid')).toBe('true');
  expect(screen.getByText(t.form.empty)).toBeTruthy();
  expect(api.PATCH).not.toHaveBeenCalled();
});

test('saving a person’s groups leaves those that others put them into meanwhile', async () => {
  const memberships = admin.memberships('ann').queryKey;
  queries.setQueryData(memberships, [member('ann')]);
  shown('/users/ann');
  fireEvent.click(await screen.findByLabelText(/admin.*lab|lab.*admin/i));
  act(() => void queries.setQueryData(memberships, [member('ann'), member('ann', 'nlp')]));
  await screen.findByLabelText(/admin.*nlp|nlp.*admin/i);
  save();
  await waitFor(() => expect(api.PUT).toHaveBeenCalledExactlyOnceWith('/groups/{group}/members/{user}', { ...path('ann'), body: { role: 'admin' } }));
  expect(api.DELETE).not.toHaveBeenCalled();
});

test('of a large group the first members are shown, others are found by name, and all can be reached', async () => {
  const many = Array.from({ length: 120 }, (_, i) => member(`p${String(i).padStart(3, '0')}`));
  queries.setQueryData(admin.members('lab').queryKey, many);
  shown('/groups/lab');
  const rows = () => screen.queryAllByLabelText(/^Remove p/).length;
  await waitFor(() => expect(rows()).toBe(50));
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'P117' } });
  expect(rows()).toBe(1);
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: '' } });
  fireEvent.click(screen.getByText('Show 50 more of 70'));
  fireEvent.click(screen.getByText('Show 20 more of 20'));
  expect(rows()).toBe(120);
});
