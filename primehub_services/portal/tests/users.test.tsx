import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import type { Account } from '../src/api/admin';
import { api } from '../src/api/client';
import type { Me } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import { SignIn } from '../src/pages/admin/users/SignIn';
import { NewUser } from '../src/pages/admin/users/UserForm';
import Users from '../src/pages/admin/users/Users';

/** The page as a platform admin sees it, of a platform with passwords or without. */
function shown(at: string, local_accounts: boolean, { mail = null as boolean | null, email = '' } = {}) {
  vi.spyOn(api, 'GET').mockImplementation(((path: string) => (path === '/email' && mail !== null ? Promise.resolve({ data: { available: mail } }) : new Promise(() => {}))) as never);
  const me = { name: 'root', platform_admin: true, local_accounts, groups: [] } as unknown as Me;
  const ann = { name: 'ann', issuer: 'local', email } as Account;
  const router = createMemoryRouter([
    { path: '/admin/users', element: <Users /> },
    { path: '/admin/users/new', element: <NewUser /> },
    { path: '/admin/users/ann', element: <SignIn user={ann} /> },
  ], { initialEntries: [at] });
  render(<QueryClientProvider client={new QueryClient()}><SessionContext.Provider value={me}><RouterProvider router={router} /></SessionContext.Provider></QueryClientProvider>);
}

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test('with passwords there is a way to make an account, a link and a temporary password', () => {
  shown('/admin/users', true);
  expect(screen.getByText('Create user')).toBeTruthy();
  cleanup();
  shown('/admin/users/ann', true);
  expect(screen.getAllByRole('button').map((button) => button.textContent)).toEqual(['Make a sign-in link…', 'Give a temporary password…']);
});

test('without passwords nothing is offered that would be for one, and invitations stay', () => {
  shown('/admin/users', false);
  expect(screen.queryByText('Create user')).toBeNull();
  expect(screen.getByText('Invite by link')).toBeTruthy();
  cleanup();
  shown('/admin/users/new', false);
  expect(screen.getByText('Nobody signs in with a password here')).toBeTruthy();
  expect(screen.queryByRole('textbox')).toBeNull();
  cleanup();
  shown('/admin/users/ann', false);
  expect(screen.queryByRole('button')).toBeNull();
  expect(screen.getByText(/nobody signs in with a password here/)).toBeTruthy();
});

test('a sign-in link is sent to the address of the account, where there are both', async () => {
  vi.spyOn(api, 'POST').mockResolvedValue({ data: { token: 'once', expires_at: '2026-12-01T00:00:00Z', mail: { to: 'ann@example.org', sent: true, message: '' } } });
  shown('/admin/users/ann', true, { mail: true, email: 'ann@example.org' });
  fireEvent.click(await screen.findByText('Send it by e-mail'));
  expect(await screen.findByText('Sent to ann@example.org.')).toBeTruthy();
  expect(api.POST).toHaveBeenCalledWith('/invitations', { body: { user: 'ann', group: null, role: 'member', expires_in: 86_400, send: true, address: '' } });
  expect(screen.getByTestId('once').textContent).toContain('#once');
});

test('a link that could not be sent is there to be handed over, with the reason', async () => {
  vi.spyOn(api, 'POST').mockResolvedValue({ data: { token: 'once', expires_at: '2026-12-01T00:00:00Z', mail: { to: 'ann@example.org', sent: false, message: 'The mailbox is full.' } } });
  shown('/admin/users/ann', true, { mail: true, email: 'ann@example.org' });
  fireEvent.click(await screen.findByText('Send it by e-mail'));
  expect((await screen.findByRole('alert')).textContent).toContain('The mailbox is full.');
  expect(screen.getByTestId('once').textContent).toContain('#once');
});

test('without a mail server or an address nothing offers to send', async () => {
  shown('/admin/users/ann', true, { mail: true });
  expect(await screen.findByText(/give the account an e-mail address above/)).toBeTruthy();
  expect(screen.queryByText('Send it by e-mail')).toBeNull();
  cleanup();
  shown('/admin/users/ann', true, { mail: false, email: 'ann@example.org' });
  await waitFor(() => expect(api.GET).toHaveBeenCalled());
  expect(screen.queryByText('Send it by e-mail')).toBeNull();
  expect(screen.queryByText(/an e-mail address above/)).toBeNull();
});
