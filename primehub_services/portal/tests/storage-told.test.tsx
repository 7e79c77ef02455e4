import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import { admin, type Group, type Volume } from '../src/api/admin';
import { api } from '../src/api/client';
import { VolumeEdit } from '../src/pages/admin/catalog/VolumeForm';
import { GroupPanel } from '../src/pages/admin/groups/GroupPanel';

const YAML = 'apiVersion: v1\nkind: PersistentVolume\nmetadata:\n  name: primehub-dataset-share\n';
const quota = { cpu: null, memory: null, gpu: null };
const group = { slug: 'lab', name: 'lab', user_quota: quota, group_quota: quota, shared_volume: true, shared_volume_capacity: null, launch_group_only: true, pod_security: 'restricted', folder_problem: '' } as unknown as Group;
const share = (source: object) => ({ slug: 'share', name: 'share', display_name: '', description: '', source, all_groups: true, groups: [], launch_group_only: true, message: '', content: null, version: 1 } as unknown as Volume);

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** What stands at an address where nothing is answered but this. */
function shown(element: React.ReactNode, cached: readonly (readonly [readonly unknown[], unknown])[], answers: Record<string, unknown> = {}) {
  const asked = vi.spyOn(api, 'GET').mockImplementation(((path: string) => (path in answers ? Promise.resolve({ data: answers[path] }) : new Promise(() => {}))) as never);
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  for (const [key, data] of cached) queries.setQueryData(key, data);
  const router = createMemoryRouter([{ path: '/admin/volumes/:id', element }], { initialEntries: ['/admin/volumes/share'] });
  render(<QueryClientProvider client={queries}><RouterProvider router={router} /></QueryClientProvider>);
  return () => (asked.mock.calls as unknown[][]).map(([path]) => String(path));
}

test.each([{ type: 'hostPath', path: '/srv/a' }, { type: 'nfs', server: 'nas', path: '/a' }])('the page of a volume of kind $type shows what an operator applies, to be copied', async (source) => {
  const copied = vi.fn().mockResolvedValue(undefined);
  vi.stubGlobal('navigator', { clipboard: { writeText: copied } });
  shown(<VolumeEdit />, [[admin.volume('share').queryKey, share(source)]], { '/volumes/{volume}/manifests': { claim: 'dataset-share', yaml: YAML } });
  expect((await screen.findByLabelText('To bind it')).textContent).toBe(YAML);
  expect(screen.getByText(/kubectl apply -f/)).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Copy' }));
  expect(await screen.findByRole('button', { name: 'Copied' })).toBeTruthy();
  expect(copied).toHaveBeenCalledWith(YAML);
});

test('a volume that nobody has to bind asks for no manifest and shows none', async () => {
  const asked = shown(<VolumeEdit />, [[admin.volume('share').queryKey, share({ type: 'env', variables: {} })]], { '/volumes/{volume}/manifests': { claim: 'dataset-share', yaml: YAML } });
  expect(await screen.findByRole('heading', { name: 'share' })).toBeTruthy();
  expect(screen.queryByText('To bind it')).toBeNull();
  expect(asked()).not.toContain('/volumes/{volume}/manifests');
});

test('why the folder of a group cannot be mounted is said at the group, and nothing where it can', () => {
  const why = 'Its storage cannot be made: only ReadWriteOnce is supported.';
  const members = [[admin.members('lab').queryKey, []]] as const;
  shown(<GroupPanel group={{ ...group, folder_problem: why }} overview={undefined} />, members);
  expect(screen.getByText(`The group folder cannot be mounted: ${why}`)).toBeTruthy();
  cleanup();
  shown(<GroupPanel group={group} overview={undefined} />, members);
  expect(screen.queryByText(/The group folder cannot be mounted/)).toBeNull();
});
