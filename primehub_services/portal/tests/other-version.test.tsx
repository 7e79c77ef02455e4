import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import { admin } from '../src/api/admin';
import { api } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Group, Me } from '../src/api/types';
import { known } from '../src/lib/known';
import { SessionContext } from '../src/lib/session';
import { labels } from '../src/pages/admin/groups/draft';
import { GroupPanel } from '../src/pages/admin/groups/GroupPanel';
import Settings from '../src/pages/group/Settings';
import { Status, type State } from '../src/parts/Status';
import { GroupGate } from '../src/shell/GroupGate';

// while processes are replaced one after the other, the API may be older or newer than the page

const quota = { cpu: null, memory: null, gpu: null };
const group = {
  slug: 'lab', name: 'lab', display_name: '', description: '', version: 1, user_quota: quota, group_quota: quota, shared_volume: false, shared_volume_capacity: null,
  launch_group_only: false, idle_timeout: null, job_timeout: null, folder_problem: null, created_at: '2026-03-12T14:00:00Z',
} as unknown as Group;
const me = { name: 'ann', platform_admin: false, groups: [{ group: 'lab', name: 'lab', display_name: '', role: 'member' }] } as unknown as Me;
const root = { ...me, name: 'root', platform_admin: true };

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function open(at: string, element: React.ReactNode, who: Me, cached: readonly (readonly [readonly unknown[], unknown])[] = []) {
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  for (const [key, data] of cached) queries.setQueryData(key, data);
  const router = createMemoryRouter([
    { path: '/g/:group', element: <GroupGate />, children: [{ path: '*', element }] }, { path: '/plain', element }, { path: '*', element: null },
  ], { initialEntries: [at] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={who}><RouterProvider router={router} /></SessionContext.Provider></QueryClientProvider>);
  return router.state.location.pathname;
}

test('a group without the field of a newer version is shown all the same', () => {
  open('/g/lab/settings', <Settings />, me, [[ask.group('lab').queryKey, group]]);
  expect(screen.getByText('Pod security').parentElement!.textContent).toContain('–');
});

test('a level that the page does not know is shown by its own name', () => {
  open('/plain', <GroupPanel group={{ ...group, pod_security: 'strict' } as never} overview={undefined} />, root, [[admin.members('lab').queryKey, []]]);
  expect(screen.getByText('strict')).toBeTruthy();
  expect(labels.pod_security.show!(undefined as never)).toBe('–');
});

test('a state that the page does not know has its word and a shape', () => {
  const { container } = render(<Status state={'PAUSED' as State} />);
  expect(container.querySelector('svg')!.childElementCount).toBe(1);
  expect(screen.getByText('PAUSED')).toBeTruthy();
});

test('only what the catalogue itself has is found in it', () => {
  expect(known({ a: 1 }, 'a')).toBe(1);
  expect(known({ a: 1 }, 'constructor')).toBeUndefined();
  expect(known({ a: 1 }, undefined)).toBeUndefined();
});

test('a platform admin who is sent a page of a group that he is not in reads its job, and is led to the group otherwise', () => {
  const outside = { ...root, groups: [{ ...me.groups[0]!, group: 'other', name: 'other' }] };
  for (const who of [outside, { ...root, groups: [] }]) {
    expect(open('/g/lab/jobs/j-1', null, who)).toBe('/admin/jobs/j-1');
    cleanup();
  }
  expect(open('/g/lab/recurring-jobs/s-1', null, outside)).toBe('/g/lab/recurring-jobs/s-1');
  expect(screen.getByRole('link', { name: 'Open the group in the Admin portal' }).getAttribute('href')).toBe('/admin/groups/lab');
});
