import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { admin, type Account, type Group } from '../src/api/admin';
import { api, Problem } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { GroupUsage, Me, Notebook, Notifications as Told, Schedule, Token } from '../src/api/types';
import { copyText } from '../src/lib/copy';
import { SessionContext } from '../src/lib/session';
import { ThemeContext } from '../src/lib/theme-context';
import GroupEdit from '../src/pages/admin/groups/GroupEdit';
import Settings from '../src/pages/admin/platform/Settings';
import { Links } from '../src/pages/admin/users/Links';
import { UserEdit } from '../src/pages/admin/users/UserForm';
import { Secrets } from '../src/pages/group/Secrets';
import { KeepPanel } from '../src/pages/notebooks/Keep';
import { StartForm } from '../src/pages/notebooks/StartForm';
import Notifications from '../src/pages/profile/Notifications';
import Profile from '../src/pages/profile/Profile';
import Tokens from '../src/pages/profile/Tokens';
import { ScheduleRowActions } from '../src/pages/schedules/actions';
import ScheduleForm from '../src/pages/schedules/ScheduleForm';
import { useListState } from '../src/parts/list/address';
import { GroupMeters } from '../src/parts/usage';
import { options } from './things';

const me = { name: 'ann', display_name: 'Ann', email: '', local: true, version: 1, platform_admin: true, groups: [{ group: 'lab', name: 'lab', display_name: 'Lab', role: 'admin' }] } as unknown as Me;
const refused = new Problem(400, 'bad', 'Bad', 'It was refused.', 'r1');
let queries: QueryClient;

/** A page at its address, where nothing is answered that is not there already. */
function shown(path: string, at: string, element: ReactNode, who = me) {
  const router = createMemoryRouter([{ path, element }, { path: '*', element: null }], { initialEntries: [at] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={who}><main tabIndex={-1}><RouterProvider router={router} /></main></SessionContext.Provider></QueryClientProvider>);
  return router;
}

/** What a later look at something said, which was there before. */
const failed = (queryKey: readonly unknown[], error = refused) => queries.getQueryCache().find({ queryKey })!.setState({ status: 'error', error, fetchStatus: 'idle' });

beforeEach(() => {
  localStorage.clear();
  queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false, refetchOnMount: false } } });
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE'] as const) vi.spyOn(api, method).mockReturnValue(new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const amounts = (gpu: number) => ({ quota: { cpu: 8, memory: '32Gi', gpu }, used: { cpu: 1, memory: '2Gi', gpu: 0 } });
const usage: GroupUsage = { group: 'lab', user: amounts(0), total: amounts(0), holders: [] };
const Meters = () => <GroupMeters usage={useQuery(ask.usage('lab'))} />;
const kept = () => document.querySelectorAll('.meter, .meterBones i').length;

test('the space of a group’s meters is as large before its use is known as after', async () => {
  shown('/g/:group/home', '/g/lab/home', <Meters />);
  expect(kept()).toBe(3);
  queries.setQueryData(ask.usage('lab').queryKey, usage);
  await waitFor(() => expect(screen.getAllByRole('img')).toHaveLength(2));
  expect(kept()).toBe(3);

  // from then on it is known here how many there are
  cleanup();
  queries.clear();
  shown('/g/:group/home', '/g/lab/home', <Meters />);
  expect(kept()).toBe(2);
  queries.setQueryData(ask.usage('lab').queryKey, usage);
  await waitFor(() => expect(screen.getAllByRole('img')).toHaveLength(2));
  expect(kept()).toBe(2);
});

const group = {
  name: 'lab', slug: 'lab', display_name: 'Lab', description: '', user_quota: { cpu: 1, memory: '1Gi', gpu: 0 }, group_quota: { cpu: 8, memory: null, gpu: 4 }, shared_volume: true,
  shared_volume_capacity: null, launch_group_only: true, pod_security: 'restricted', idle_timeout: null, job_timeout: 0, created_at: '2026-03-12T14:00:00Z', version: 1,
} as unknown as Group;
const groupIsThere = () => {
  queries.setQueryData(admin.group('lab').queryKey, group);
  queries.setQueryData(admin.members('lab').queryKey, []);
  queries.setQueryData(admin.catalog().queryKey, { types: [], images: [], volumes: [] });
};

test('what was typed in a form stays when a later look at the group fails', async () => {
  groupIsThere();
  shown('/admin/groups/:id', '/admin/groups/lab', <GroupEdit />);
  fireEvent.change(screen.getByLabelText(/^Display name/), { target: { value: 'Laboratory' } });
  await act(async () => {
    for (const { queryKey } of [admin.group('lab'), admin.members('lab'), admin.catalog()]) failed(queryKey);
    await new Promise((done) => setTimeout(done, 20));
  });
  expect(screen.getByLabelText(/^Display name/)).toHaveProperty('value', 'Laboratory');
});

test('a group or a user that somebody else deleted is not there any more, whatever was known of it', async () => {
  const gone = new Problem(404, 'not-found', 'Not found', 'There is none.', 'r1');
  groupIsThere();
  shown('/admin/groups/:id', '/admin/groups/lab', <GroupEdit />);
  act(() => failed(admin.group('lab').queryKey, gone));
  await waitFor(() => expect(screen.getByText('It is not there')).toBeTruthy());
  expect(screen.getByRole('link', { name: 'To groups' }).getAttribute('href')).toBe('/admin/groups');
  expect(screen.queryByRole('textbox')).toBeNull();
  cleanup();
  queries.setQueryData(admin.user('bo').queryKey, { name: 'bo', display_name: 'Bo', created_at: '2026-03-12T14:00:00Z', enabled: true } as unknown as Account);
  queries.setQueryData(admin.memberships('bo').queryKey, []);
  shown('/admin/users/:id', '/admin/users/bo', <UserEdit />);
  act(() => failed(admin.user('bo').queryKey, gone));
  await waitFor(() => expect(screen.getByText('It is not there')).toBeTruthy());
  expect(screen.queryByRole('textbox')).toBeNull();
});

test('a group whose losses cannot be counted says so before it is deleted', async () => {
  groupIsThere();
  vi.mocked(api.GET).mockImplementation(((path: string) => (path.endsWith('/losses') ? Promise.reject(refused) : new Promise(() => {}))) as never);
  shown('/admin/groups/:id', '/admin/groups/lab', <GroupEdit />);
  await waitFor(() => expect(screen.getByText('What would be lost could not be counted.')).toBeTruthy());
});

test('a user whose groups cannot be loaded says so, and does not load for ever', async () => {
  queries.setQueryData(admin.user('bo').queryKey, { name: 'bo', display_name: 'Bo', created_at: '2026-03-12T14:00:00Z', enabled: true } as unknown as Account);
  vi.mocked(api.GET).mockImplementation(((path: string) => (path.endsWith('/memberships') ? Promise.reject(refused) : new Promise(() => {}))) as never);
  shown('/admin/users/:id', '/admin/users/bo', <UserEdit />);
  await waitFor(() => expect(screen.getByRole('alert').textContent).toMatch(/groups could not be loaded.*It was refused/));
});

const schedule = { id: 's1', name: 'report', user: 'ann', group: 'lab', paused: false, version: 1 } as unknown as Schedule;

test('deleting a recurring job wants its name, says in the question why it was refused, and stays in the list', async () => {
  vi.mocked(api.DELETE).mockRejectedValueOnce(refused).mockResolvedValueOnce({});
  const router = shown('/g/:group/recurring-jobs', '/g/lab/recurring-jobs?search=rep', <ScheduleRowActions schedule={schedule} />);
  fireEvent.click(screen.getByRole('button', { name: 'More for report' }));
  fireEvent.click(await screen.findByText('Delete…'));
  const go = await screen.findByRole('button', { name: 'Delete recurring job' });
  expect(go).toHaveProperty('disabled', true);
  fireEvent.change(screen.getByRole('textbox'), { target: { value: 'report' } });
  fireEvent.click(go);
  await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('It was refused.'));
  expect(screen.getByRole('dialog').contains(screen.getByRole('alert'))).toBe(true);
  fireEvent.click(go);
  await waitFor(() => expect(api.DELETE).toHaveBeenCalledTimes(2));
  expect(router.state.location.search).toBe('?search=rep');
});

test('leaving the profile with a change asks, and a refused field says what would be right', async () => {
  vi.mocked(api.PATCH).mockRejectedValue(new Problem(422, 'invalid', 'Invalid', '1 field is wrong.', 'r1', [{ field: 'email', message: 'another account has it', fix: 'write another' }]));
  const router = shown('/profile', '/profile', <ThemeContext value={{ mode: 'light', choice: 'system', choose: () => {} }}><Profile /></ThemeContext>);
  fireEvent.change(screen.getByLabelText(/^E-mail/), { target: { value: 'bo@example.org' } });
  fireEvent.click(screen.getByRole('button', { name: 'Save profile' }));
  await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('Another account has it. Write another.'));
  await act(() => router.navigate('/tokens'));
  expect(screen.getByRole('dialog').textContent).toContain('1 change on this page is not saved');
  expect(router.state.location.pathname).toBe('/profile');
});

const told: Told = { email: false, webhook: false, webhook_url: '', webhook_secret_set: false, jobs: 'none', recurring: false, address: 'ann@example.org', email_available: true } as unknown as Told;

test('leaving the notifications with a change asks, and what is wrong with no field of the form is said all the same', async () => {
  queries.setQueryData(ask.notifications().queryKey, told);
  vi.mocked(api).PUT = vi.fn().mockRejectedValue(new Problem(422, 'invalid', 'Invalid', '1 field is wrong.', 'r1', [{ field: 'jobs', message: 'it is not known', fix: '' }]));
  const router = shown('/notifications', '/notifications', <Notifications />);
  fireEvent.click(screen.getByRole('radio', { name: 'Always' }));
  fireEvent.click(screen.getByRole('button', { name: 'Save notifications' }));
  await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('It is not known.'));
  await act(() => router.navigate('/profile'));
  expect(router.state.location.pathname).toBe('/notifications');
});

test('leaving the settings asks where an announcement was typed and not made', async () => {
  const settings = { name: 'PrimeHub', logo: '', members_may_invite: false, default_volume_capacity: 20, idle_timeout: 0, idle_warning: 0, keep_max: 0, job_timeout: 0, queue_keep_after: 0, version: 1 };
  queries.setQueryData(ask.settings().queryKey, settings as never);
  const router = shown('/admin/settings', '/admin/settings', <Settings />);
  fireEvent.change(screen.getByRole('textbox', { name: 'Message' }), { target: { value: 'Down on Sunday' } });
  await act(() => router.navigate('/admin/groups'));
  expect(router.state.location.pathname).toBe('/admin/settings');
});

const Handed = () => <Links state={useListState(['people', 'links'])} views={[]} />;

test('a link says what it is for, and one that could not be withdrawn says why in its row', async () => {
  const link = { id: 'i1', kind: 'join', group: 'lab', role: 'member', user: null, created_by: 'ann', created_at: '2026-03-12T14:00:00Z', expires_at: '2126-03-12T14:00:00Z', used_at: null };
  vi.mocked(api.GET).mockResolvedValue({ data: { items: [link], total: 1 } } as never);
  vi.mocked(api.DELETE).mockRejectedValue(refused);
  shown('/admin/users', '/admin/users?view=links', <Handed />);
  fireEvent.click(await screen.findByRole('button', { name: 'Withdraw: New member of lab' }));
  await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('It was refused.'));
});

test('whoever tries again by keyboard waits at the page, and is at the button again where it fails anew', async () => {
  let refuse: (problem: Problem) => void;
  vi.mocked(api.GET).mockImplementation(((path: string) => new Promise((_, reject) => {
    if (path.endsWith('/launch-options')) refuse = reject;
  })) as never);
  shown('/g/:group/notebooks', '/g/lab/notebooks', <StartForm />);
  act(() => refuse(refused));
  const button = await screen.findByRole('button', { name: 'Try now' });
  expect(document.activeElement, 'nobody was there').toBe(document.body);
  button.focus();
  fireEvent.click(button);
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Try now' })).toBeNull());
  expect(document.activeElement).toBe(screen.getByRole('main'));
  act(() => refuse(refused));
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Try now' })));
});

test('leaving the start of a notebook asks where variables were typed', async () => {
  queries.setQueryData(ask.launchOptions('lab').queryKey, { ...options, environment: { KEPT: '1' } });
  const router = shown('/g/:group/notebooks', '/g/lab/notebooks', <StartForm />);
  fireEvent.click(screen.getByRole('button', { name: 'Add variable' }));
  fireEvent.change(screen.getByRole('textbox', { name: 'Name of variable 2' }), { target: { value: 'DEBUG' } });
  await act(() => router.navigate('/g/lab/home'));
  expect(screen.getByRole('dialog').textContent).toContain('1 change on this page is not saved');
  expect(router.state.location.pathname).toBe('/g/lab/notebooks');
});

test('a recurring job of somebody else is not a member’s to change', () => {
  queries.setQueryData(ask.schedule('s1').queryKey, schedule);
  const member = { ...me, name: 'bo', platform_admin: false, groups: [{ ...me.groups[0]!, role: 'member' as const }] };
  shown('/g/:group/recurring-jobs/:id/edit', '/g/lab/recurring-jobs/s1/edit', <ScheduleForm />, member);
  expect(screen.getByText('Only its owner and group admins can change it')).toBeTruthy();
  expect(screen.queryByRole('textbox')).toBeNull();
});

test('a secret that was typed is not lost by Esc unasked', async () => {
  queries.setQueryData(ask.ownSecrets('lab').queryKey, { items: [] });
  shown('/g/:group/settings', '/g/lab/settings', <Secrets group="lab" />);
  fireEvent.click(screen.getByRole('button', { name: 'Create secret' }));
  fireEvent.change(await screen.findByLabelText('Value'), { target: { value: 'hunter2' } });
  fireEvent.keyDown(screen.getByRole('dialog'), { key: 'Escape', keyCode: 27 });
  expect(screen.getByRole('alert').textContent).toContain('Leave without saving?');
  fireEvent.click(screen.getByRole('button', { name: 'Stay here' }));
  expect(screen.getByLabelText('Value')).toHaveProperty('value', 'hunter2');
  fireEvent.keyDown(screen.getByRole('dialog'), { key: 'Escape', keyCode: 27 });
  fireEvent.click(screen.getByRole('button', { name: 'Leave' }));
  await waitFor(() => expect(screen.queryByLabelText('Value')).toBeNull());
});

test('the day on which a token ends has the moment on hover', () => {
  const token = { id: 't', note: 'ci', scopes: [], created_at: '2026-03-12T14:00:00Z', last_used_at: null, expires_at: '2026-04-12T14:00:00Z' } as unknown as Token;
  queries.setQueryData(ask.tokens().queryKey, { items: [token] } as never);
  shown('/tokens', '/tokens', <Tokens />);
  expect(document.querySelector('time[dateTime="2026-04-12T14:00:00Z"], time[datetime="2026-04-12T14:00:00Z"]')!.getAttribute('title')).toMatch(/\d\d:00:00 UTC/);
});

test('what is to be copied is copied at an address without https too', async () => {
  vi.spyOn(navigator, 'clipboard', 'get').mockReturnValue(undefined as never);
  const put = vi.fn();
  const copying = () => document.dispatchEvent(Object.assign(new Event('copy', { cancelable: true }), { clipboardData: { setData: put } }));
  Object.assign(document, { execCommand: () => copying() || true });
  await copyText('secret');
  expect(put).toHaveBeenCalledWith('text/plain', 'secret');
  Object.assign(document, { execCommand: () => false });
  await expect(copyText('secret')).rejects.toThrow();
});

test('where nobody was invited yet that is said, and not that nothing matches', async () => {
  vi.mocked(api.GET).mockResolvedValue({ data: { items: [], total: 0 } } as never);
  shown('/admin/users', '/admin/users?view=links', <Handed />);
  expect(await screen.findByText('No links')).toBeTruthy();
  cleanup();
  shown('/admin/users', '/admin/users?view=links&search=zora', <Handed />);
  expect(await screen.findByRole('button', { name: 'Clear search' })).toBeTruthy();
});

test('what may not be kept offers nothing', () => {
  const notebook = { id: 'n1', user: 'ann', idle_timeout: 3600, keep_until: null } as unknown as Notebook;
  for (const [most, shows] of [[0, 0], [7200, 1]] as const) {
    queries.setQueryData(ask.settings().queryKey, { keep_max: most } as never);
    shown('/n', '/n', <KeepPanel notebook={notebook} left={600} />);
    expect(screen.queryAllByRole('button', { name: 'Keep it' })).toHaveLength(shows);
    cleanup();
  }
});
