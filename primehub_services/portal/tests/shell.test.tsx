import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { api, Problem } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Me } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import { remember } from '../src/lib/storage';
import { StartForm } from '../src/pages/notebooks/StartForm';
import { GroupGate } from '../src/shell/GroupGate';
import Palette from '../src/shell/Palette';
import { samePage } from '../src/shell/same-page';
import { ToGroup } from '../src/shell/ToGroup';
import { options } from './things';

const group = (name: string) => ({ group: name, name, display_name: '', role: 'member' as const });
const me = { name: 'ann', display_name: 'Ann', platform_admin: false, groups: [group('lab'), group('nlp')] } as unknown as Me;
let queries: QueryClient;

function shown(at: string, who: Partial<Me> = {}, element: React.ReactNode = <p>the page</p>) {
  const router = createMemoryRouter([
    { path: '/notebooks', element: <ToGroup page="notebooks" /> },
    { path: '/g/:group', element: <GroupGate />, children: [{ path: '*', element }] },
    { path: '/palette', element: <Palette onClose={() => {}} onHelp={() => {}} /> },
    { path: '*', element: null },
  ], { initialEntries: [at] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={{ ...me, ...who }}><RouterProvider router={router} /></SessionContext.Provider></QueryClientProvider>);
  return router;
}

/** What the API answers, by the end of the path; what is not named never comes. */
const answers = (bodies: Record<string, unknown>) => vi.mocked(api.GET).mockImplementation(((path: string) => {
  const found = Object.entries(bodies).find(([end]) => path.endsWith(end))?.[1];
  return found === undefined ? new Promise(() => {}) : found instanceof Error ? Promise.reject(found) : Promise.resolve({ data: found });
}) as never);

beforeEach(() => {
  localStorage.clear();
  queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  for (const method of ['GET', 'POST'] as const) vi.spyOn(api, method).mockReturnValue(new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test('a link into a group of one’s own opens there without a word', () => {
  const router = shown('/notebooks?group=nlp&image=base');
  expect(`${router.state.location.pathname}${router.state.location.search}`).toBe('/g/nlp/notebooks?image=base');
  expect(screen.queryByRole('status')).toBeNull();
});

test('a link into another group opens in the last one of one’s own, and says so', () => {
  remember('group', 'nlp');
  const router = shown('/notebooks?group=secret&image=base');
  expect(router.state.location.pathname).toBe('/g/nlp/notebooks');
  expect(screen.getByRole('status').textContent).toBe('Group “secret” from the link cannot be used here; nlp is chosen instead.');
});

test('the question of a launch link names the group, and the one that it could not be', () => {
  queries.setQueryData(ask.launchOptions('lab').queryKey, options);
  shown('/g/lab/notebooks?group=secret&autolaunch=1', {}, <StartForm />);
  const question = screen.getByRole('dialog').textContent;
  expect(question).toMatch(/Group\s*lab/);
  expect(question).toContain('Group “secret” from the link cannot be used here');
});

test('switching the group keeps the page and what its list shows, and nothing of the group itself', () => {
  expect(samePage('/g/lab/jobs', '?view=failed&search=unet&page=3')).toBe('jobs?view=failed&search=unet');
  expect(samePage('/g/lab/jobs/new', '?from=job-1')).toBe('jobs/new');
  expect(samePage('/g/lab/notebooks/past', '')).toBe('notebooks/past');
  expect(samePage('/g/lab/notebooks', '?group=x&autolaunch=1')).toBe('notebooks');
  expect(samePage('/g/lab/images/base', '')).toBe('images');
  expect(samePage('/g/lab/recurring-jobs/s1/edit', '')).toBe('recurring-jobs');
  expect(samePage('/admin/groups', '?search=x')).toBe('home');
});

test('who is in no group is told who can help; a platform admin can do it', () => {
  shown('/notebooks', { groups: [] });
  expect(screen.getByText(/A group admin or a platform admin can put you in one/)).toBeTruthy();
  expect(screen.queryByRole('link')).toBeNull();
  cleanup();
  shown('/g/lab/home', { groups: [], platform_admin: true });
  expect(screen.queryByText(/can put you in one/)).toBeNull();
  expect(screen.getByRole('link', { name: 'Open Groups' }).getAttribute('href')).toBe('/admin/groups');
});

/** The palette with something typed. */
async function typed(text: string, who: Partial<Me>) {
  shown('/palette', who);
  fireEvent.change(screen.getByRole('combobox'), { target: { value: text } });
  await waitFor(() => expect(screen.queryByText('Searching')).toBeNull());
}
const found = () => screen.getAllByRole('option').map((option) => option.textContent);
const none = { items: [], total: 0 };

test('the palette finds each page of the admin portal for a platform admin, groups that are not their own, and the hub', async () => {
  answers({ '/groups': { items: [{ slug: 'vision', name: 'vision', display_name: 'Vision lab' }, { slug: 'lab', name: 'lab', display_name: '' }], total: 2 }, '/jobs': none, '/users': none });
  await typed('audit', { platform_admin: true });
  await waitFor(() => expect(found()).toEqual(['Audit logAdmin portal']));
  cleanup();
  await typed('vision', { platform_admin: true });
  await waitFor(() => expect(found()).toEqual(['Vision labvision']));
  cleanup();
  await typed('hub control', {});
  expect(found()).toEqual(['Hub control panel']);
});

test('the palette finds jobs of every group that one sees, and each opens where it belongs', async () => {
  const job = (id: string, of: string) => ({ id, name: `train ${id}`, user: 'bob', group: of, phase: 'RUNNING' });
  answers({ '/groups': none, '/users': none, '/members': none, '/jobs': { items: [job('j1', 'nlp'), job('j2', 'vision')], total: 2 } });
  await typed('train', { platform_admin: true });
  await waitFor(() => expect(found()).toHaveLength(2));
  expect(found()[0]).toContain('bob in nlp');
  expect(found()[1]).toContain('bob in vision');
  expect(api.GET).toHaveBeenCalledWith('/jobs', expect.objectContaining({ params: { query: { search: 'train', page_size: 6 } } }));
  cleanup();
  const router = shown('/palette', { platform_admin: true, groups: [] });
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'train' } });
  await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(2));
  fireEvent.click(screen.getAllByRole('option')[1]!);
  await waitFor(() => expect(router.state.location.pathname).toBe('/admin/jobs/j2'));
});

test('the palette says that it looks for people, and what could not be searched, instead of that there is nothing', async () => {
  answers({ '/groups': none, '/jobs': none });
  shown('/palette', { platform_admin: true, groups: [] });
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'zora' } });
  await waitFor(() => expect(api.GET).toHaveBeenCalledWith('/users', expect.anything()));
  expect(screen.getByRole('status').textContent).toBe('Searching');
  cleanup();
  queries.clear();
  answers({ '/groups': none, '/jobs': none, '/users': new Problem(503, 'away', 'Away', 'Away.', 'r1') });
  shown('/palette', { platform_admin: true });
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'zora' } });
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('Could not be searched: People'));
});
