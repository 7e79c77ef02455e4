import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { api, Problem } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Me, Notifications as Told } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import { ThemeContext } from '../src/lib/theme-context';
import Notifications from '../src/pages/profile/Notifications';
import Tokens from '../src/pages/profile/Tokens';
import Profile from '../src/pages/profile/Profile';

const me = { name: 'ann', display_name: 'Ann', email: 'old@example.org', local: true, version: 1, platform_admin: false, groups: [] } as unknown as Me;
let queries: QueryClient;

/** A page of the person's own, and the same after the person's account was changed. */
function shown(page: React.ReactNode) {
  const router = createMemoryRouter([{ path: '/', element: page }, { path: '*', element: null }], { initialEntries: ['/'] });
  const whole = (who: Me) => (
    <QueryClientProvider client={queries}><SessionContext.Provider value={who}>
      <ThemeContext value={{ mode: 'light', choice: 'system', choose: () => {} }}><main><RouterProvider router={router} /></main></ThemeContext>
    </SessionContext.Provider></QueryClientProvider>
  );
  const { rerender } = render(whole(me));
  return { router, become: (who: Me) => rerender(whole(who)) };
}

const type = (name: RegExp, value: string) => fireEvent.change(screen.getByLabelText(name), { target: { value } });
const save = (what: string) => fireEvent.click(screen.getByRole('button', { name: `Save ${what}` }));

beforeEach(() => {
  queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  for (const method of ['GET', 'PATCH', 'PUT'] as const) vi.spyOn(api, method).mockReturnValue(new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const corrected = { ...me, email: 'new@example.org', version: 2 };

test('the profile follows what an admin saves meanwhile, is no change then, and sends only what was typed', async () => {
  const { router, become } = shown(<Profile />);
  become(corrected);
  expect(screen.getByLabelText(/^E-mail/)).toHaveProperty('value', 'new@example.org');
  await act(() => router.navigate('/elsewhere'));
  expect(router.state.location.pathname).toBe('/elsewhere');
  cleanup();

  const again = shown(<Profile />);
  type(/^Display name/, 'Ann B.');
  again.become(corrected);
  save('profile');
  await waitFor(() => expect(api.PATCH).toHaveBeenCalledExactlyOnceWith('/me', { body: { version: 2, display_name: 'Ann B.' } }));
});

test('where an admin saves in the field that is typed in, both values are shown', () => {
  const { become } = shown(<Profile />);
  type(/^E-mail/, 'mine@example.org');
  become(corrected);
  expect(screen.getByLabelText(/^E-mail/)).toHaveProperty('value', 'mine@example.org');
  expect(screen.getByText(/Somebody has changed this to new@example.org meanwhile/)).toBeTruthy();
});

test('a profile that was changed at the same moment keeps what was typed and says so', async () => {
  vi.mocked(api.PATCH).mockRejectedValue(new Problem(409, 'conflict', 'Conflict', 'It was changed meanwhile.', 'r1'));
  shown(<Profile />);
  type(/^Display name/, 'Ann B.');
  save('profile');
  await waitFor(() => expect(screen.getByRole('alert').textContent).toMatch(/What you typed is still here/));
  expect(screen.getByLabelText(/^Display name/)).toHaveProperty('value', 'Ann B.');
});

test('notifications that were changed in another tab are not put back', async () => {
  const told = { email: false, webhook: false, webhook_url: '', webhook_secret_set: false, webhook_secret: null, jobs: 'none', recurring: false, address: 'ann@example.org', email_available: true } as unknown as Told;
  queries.setQueryData(ask.notifications().queryKey, told);
  shown(<Notifications />);
  fireEvent.click(screen.getByLabelText('Always'));
  act(() => void queries.setQueryData(ask.notifications().queryKey, { ...told, recurring: true }));
  await waitFor(() => expect(screen.getByLabelText(/^When a recurring job/)).toHaveProperty('checked', true));
  save('notifications');
  await waitFor(() => expect(api.PUT).toHaveBeenCalledExactlyOnceWith('/me/notifications', { body: { email: false, webhook: false, webhook_url: '', jobs: 'all', recurring: true, webhook_secret: null } }));
});

test('the question about one token does not say what went wrong with another', async () => {
  const token = (id: string) => ({ id, note: id, scopes: [], created_at: '2026-11-29T12:00:00Z', last_used_at: null, expires_at: null });
  queries.setQueryData(ask.tokens().queryKey, { items: [token('one'), token('two')] } as never);
  vi.spyOn(api, 'DELETE').mockRejectedValue(new Problem(503, 'away', 'Away', 'It is away.', 'r1'));
  shown(<Tokens />);
  fireEvent.click(screen.getByLabelText(/one/));
  fireEvent.click(await screen.findByText('Delete token'));
  await screen.findByText('It is away.');
  fireEvent.click(screen.getByText('Keep it'));
  fireEvent.click(screen.getByLabelText(/two/));
  expect(screen.queryByText('It is away.')).toBeNull();
});
