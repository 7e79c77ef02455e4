import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
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
function shown(at: string, local_accounts: boolean) {
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
  const me = { name: 'root', platform_admin: true, local_accounts, groups: [] } as unknown as Me;
  const ann = { name: 'ann', issuer: 'local' } as Account;
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
