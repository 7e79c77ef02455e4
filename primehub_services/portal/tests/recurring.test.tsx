import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import { api, Problem } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Firing, LaunchOptions, Me, Schedule } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import ScheduleForm from '../src/pages/schedules/ScheduleForm';
import { detailOf, outcomeOf } from '../src/pages/schedules/words';
import { options } from './things';

const old: Schedule = {
  id: 's1', name: 'report', user: 'ann', group: 'g', cron: '0 4 * * *', timezone: 'UTC', reading: 'Every day at 4:00',
  job: { group: 'g', instance_type: 'cpu-1', image: 'base', name: 'report', command: 'true', notebook: null, environment: {}, secrets: {}, timeout: null, retries: 0 },
  overlap: 'skip', catch_up: false, paused: false, pause_reason: '', notebook_reads_file: false, snapshot_at: null, snapshot_digest: '', snapshot_format: null, next_at: null, last: null,
  created_at: '2026-03-12T14:00:00Z', version: 7,
};

/** The form of that recurring job, or of a new one, as somebody sees it; what it sends. */
function shown(user: string, over: Partial<Schedule['job']> = {}, { at = '/g/g/recurring-jobs/s1/edit', offered = options, group = 'g', gone = false }: { at?: string; offered?: LaunchOptions; group?: string; gone?: boolean } = {}) {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  queries.setQueryData(ask.launchOptions('g').queryKey, offered);
  queries.setQueryData(ask.schedule('s1').queryKey, { ...old, job: { ...old.job, ...over } });
  queries.setQueryData(ask.cronPreview(old.cron, old.timezone).queryKey, { reading: old.reading, next: [] });
  queries.setQueryData(ask.envSecrets('g').queryKey, { items: [] });
  const sent = vi.spyOn(api, 'PATCH').mockResolvedValue({ data: old, response: new Response() });
  // nothing else is asked of a platform that is not there
  for (const method of ['GET', 'POST'] as const) vi.spyOn(api, method).mockReturnValue(new Promise(() => {}));
  if (gone) {
    vi.mocked(api.GET).mockRejectedValue(new Problem(404, 'not-found', 'Not found', 'There is no such recurring job.', 'r1'));
    void queries.invalidateQueries({ queryKey: ['schedules'] });
  }
  const me = { name: user, platform_admin: false, groups: [...new Set(['g', group])].map((name) => ({ group: name, name, display_name: '', role: 'admin' })) } as unknown as Me;
  const router = createMemoryRouter([
    { path: '/g/:group/recurring-jobs/new', element: <ScheduleForm /> },
    { path: '/g/:group/recurring-jobs/:id/edit', element: <ScheduleForm /> },
    { path: '*', element: null },
  ], { initialEntries: [at] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={me}><main><RouterProvider router={router} /></main></SessionContext.Provider></QueryClientProvider>);
  return () => (sent.mock.calls as unknown as [string, { body: unknown }][]).map(([, init]) => init.body);
}

// on phones a second one stands at the foot of the page
const save = () => fireEvent.click(screen.getAllByRole('button', { name: 'Save recurring job' })[0]!);
const type = (name: string, value: string) => fireEvent.change(screen.getByLabelText(name), { target: { value } });

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test('an admin changes the times and the name of a colleague’s, and can touch nothing of what it runs', async () => {
  const sent = shown('bob');
  expect(screen.getByRole('note').textContent).toContain('ann');
  expect(screen.getByRole('textbox', { name: 'Command' })).toHaveProperty('disabled', true);
  type('Name', 'weekly report');
  save();
  await waitFor(() => expect(sent()).toEqual([{ name: 'weekly report', cron: '0 4 * * *', timezone: 'UTC', overlap: 'skip', catch_up: false, version: 7 }]));
});

test('its owner changes what it runs', async () => {
  const sent = shown('ann');
  expect(screen.queryByRole('note')).toBeNull();
  type('Command', 'false');
  save();
  await waitFor(() => expect(sent()).toMatchObject([{ job: { command: 'false', image: 'base' }, version: 7 }]));
});

test('one whose image is gone is named anew all the same', async () => {
  const sent = shown('ann', { image: 'old' });
  type('Name', 'weekly report');
  save();
  await waitFor(() => expect(sent()).toHaveLength(1));
  expect(sent()[0]).not.toHaveProperty('job');
});

test('one whose image is gone says so, and runs nothing else without being told', async () => {
  const sent = shown('ann', { image: 'old' });
  expect(screen.getByRole('alert').textContent).toContain('old');
  type('Command', 'false');
  save();
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('alert')));
  expect(sent()).toEqual([]);
  fireEvent.click(screen.getByRole('radio', { name: 'base' }));
  save();
  await waitFor(() => expect(sent()).toMatchObject([{ job: { image: 'base' } }]));
});

test('a new one for which no image can be chosen says what is missing and what to do', async () => {
  shown('ann', {}, { at: '/g/g/recurring-jobs/new', offered: { ...options, images: [] } });
  expect(screen.queryByRole('alert')).toBeNull();
  type('Name', 'nightly');
  type('Command', 'true');
  save();
  const said = await waitFor(() => screen.getByRole('alert'));
  expect(said.textContent).toMatch(/No image can be chosen.*ask a group admin/);
  await waitFor(() => expect(document.activeElement).toBe(said));
  expect(api.POST).not.toHaveBeenCalledWith('/schedules', expect.anything());
});

test('a clone begins with all of the other, and is a new one', async () => {
  shown('bob', { command: 'make report' }, { at: '/g/g/recurring-jobs/new?from=s1' });
  expect(screen.getByRole('heading', { name: 'Clone a recurring job' })).toBeTruthy();
  type('Name', 'my report');
  save();
  const sent = { name: 'my report', cron: '0 4 * * *', timezone: 'UTC', job: expect.objectContaining({ command: 'make report', name: 'my report' }) as unknown };
  await waitFor(() => expect(api.POST).toHaveBeenCalledWith('/schedules', { body: expect.objectContaining(sent) as unknown }));
});

test('what it runs is tried beside the button, and refused at the field, once it is something else', async () => {
  shown('ann');
  expect(screen.queryByRole('region', { name: /would this start/i })).toBeNull();
  const refused = new Problem(422, 'invalid', 'Invalid', 'is too long', 'r1', [{ field: 'command', message: 'is too long', fix: 'make it shorter' }]);
  vi.mocked(api.POST).mockRejectedValue(refused);
  type('Command', 'false');
  await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('Is too long. Make it shorter.'));
  expect(screen.getByRole('region', { name: /would this start/i })).toBeTruthy();
});

test('the form of one that was deleted meanwhile gives way to a page that says so', async () => {
  shown('ann', {}, { gone: true });
  await waitFor(() => expect(screen.getByRole('heading', { name: 'There is no such page' })).toBeTruthy());
  expect(screen.queryByLabelText('Name')).toBeNull();
});

test('one of another group is edited in that group', async () => {
  shown('ann', {}, { at: '/g/other/recurring-jobs/s1/edit', group: 'other' });
  await waitFor(() => expect(screen.getByRole('heading', { name: 'Edit report' })).toBeTruthy());
  expect(screen.getByRole('link', { name: /report/ }).getAttribute('href')).toBe('/g/g/recurring-jobs/s1');
});

test('a missed stretch says why, and is not called missed alone where a job ran for it', () => {
  const missed: Firing = { id: 'f', instant: old.created_at, until: old.created_at, count: 3, outcome: 'COALESCED', job: null, phase: null, message: 'The platform was down', decided_at: old.created_at };
  expect(outcomeOf(missed)).toBe('Missed');
  expect(detailOf(missed, 'UTC')).toMatch(/^3 due times until .*The platform was down$/);
  expect(outcomeOf({ ...missed, job: 'job-1' })).toContain('run once');
});
