import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { api } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Me } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import Settings from '../src/pages/group/Settings';
import { options } from './things';

const me = { name: 'ann', platform_admin: false, groups: [{ group: 'lab', name: 'lab', display_name: '', role: 'member' }] } as unknown as Me;
const none = { cpu: null, memory: null, gpu: null };
const group = { slug: 'lab', name: 'lab', description: '', shared_volume: true, shared_volume_capacity: null, launch_group_only: true, pod_security: 'restricted', idle_timeout: null, created_at: '2026-03-12T14:00:00Z', user_quota: none, group_quota: none };

beforeEach(() => {
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** What a member reads of the group. */
function told(of: object, everybodyInvites: boolean) {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  queries.setQueryData(ask.group('lab').queryKey, { ...group, ...of } as never);
  queries.setQueryData(ask.launchOptions('lab').queryKey, options);
  queries.setQueryData(ask.settings().queryKey, { members_may_invite: everybodyInvites, idle_timeout: 0 } as never);
  const router = createMemoryRouter([{ path: '/g/:group/settings', element: <Settings /> }], { initialEntries: ['/g/lab/settings'] });
  const { container } = render(<QueryClientProvider client={queries}><SessionContext.Provider value={me}><RouterProvider router={router} /></SessionContext.Provider></QueryClientProvider>);
  return container.textContent;
}

test('a member reads where the group folder is mounted, and what the group may start with', () => {
  const text = told({}, false);
  expect(text).toContain('mounted only in what starts in this group');
  for (const thing of [...options.instance_types, ...options.images, ...options.volumes]) expect(text).toContain(thing.name);
  cleanup();
  expect(told({ launch_group_only: false }, false)).toContain('mounted wherever a member starts');
  cleanup();
  expect(told({ shared_volume: false }, false)).not.toContain('mounted');
});

test('who may invite people is told as it is', () => {
  told({}, false);
  expect(screen.getByText(/^Group admins and platform admins invite people by link, or add them/)).toBeTruthy();
  cleanup();
  told({}, true);
  expect(screen.getByText(/^Everybody in the group may invite people by link; group admins and platform admins also add them/)).toBeTruthy();
});
