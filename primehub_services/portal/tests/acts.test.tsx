import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { api } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Firing, Image, Job, JobCheck, Me, Schedule, Secret } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import AdminJob from '../src/pages/admin/runs/Job';
import { NewSecret } from '../src/pages/admin/catalog/SecretForm';
import ImageForm from '../src/pages/group/ImageForm';
import { RowActions } from '../src/pages/jobs/actions';
import { JobAnswer } from '../src/pages/jobs/JobAnswer';
import SchedulePage from '../src/pages/schedules/SchedulePage';
import Schedules from '../src/pages/schedules/Schedules';
import { options } from './things';

const ann = { name: 'ann', platform_admin: true, groups: [{ group: 'lab', name: 'lab', display_name: 'Lab', role: 'admin' }] } as unknown as Me;
const now = '2026-03-12T14:00:00Z';
const job = (over: Partial<Job> = {}): Job => ({
  id: 'j1', name: 'train', user: 'bo', group: 'bio', instance_type: 'cpu-1', image: 'base', limits: { cpu: 1, memory: '1Gi', gpu: 0 }, command: 'x', phase: 'SUCCEEDED', reason: '', message: '',
  cancel_requested: null, queue: null, attempts: [], artifacts: { files: 0, size: 0, message: '', expires_at: null }, left_out: [], schedule: null, rerun_of: 'j0', created_at: now,
  started_at: now, ended_at: now, deadline_at: null, exit_code: 0, timeout: 0, version: 1, environment: {}, secrets: {}, ...over,
} as Job);
let queries: QueryClient;

/** A page at its address, where nothing is answered that is not there already. */
function shown(path: string, at: string, element: ReactNode) {
  const router = createMemoryRouter([{ path, element }, { path: '*', element: null }], { initialEntries: [at] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={ann}><main><RouterProvider router={router} /></main></SessionContext.Provider></QueryClientProvider>);
  return router;
}
const named = (role: 'button' | 'link') => screen.queryAllByRole(role).map((element) => element.getAttribute('aria-label') ?? element.textContent);

beforeEach(() => {
  localStorage.clear();
  queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false, refetchOnMount: false } } });
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE'] as const) vi.spyOn(api, method).mockReturnValue(new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test('a job of a group that one is not in can be ended or deleted, and is not offered to be run', async () => {
  shown('/admin/jobs', '/admin/jobs', <RowActions job={job()} />);
  expect(named('button')).toEqual(['More for train']);
  fireEvent.click(screen.getByRole('button', { name: 'More for train' }));
  expect((await screen.findAllByRole('menuitem')).map((item) => item.textContent)).toEqual(['Delete job…']);
  cleanup();
  shown('/admin/jobs', '/admin/jobs', <RowActions job={job({ group: 'lab' })} />);
  expect(named('button')).toEqual(['Run train again', 'More for train']);
});

test('a platform admin reads a job of any group, and every link of its page leads to something they can open', () => {
  queries.setQueryData(ask.job('j1').queryKey, job());
  shown('/admin/jobs/:id', '/admin/jobs/j1', <AdminJob />);
  expect(screen.getByRole('heading', { level: 1 }).textContent).toContain('train');
  expect(named('button').filter((name) => /Run again|Clone/.test(name))).toEqual([]);
  expect(screen.getAllByRole('link').map((link) => link.getAttribute('href'))).toEqual(['/admin/jobs', '/admin/groups/bio', '/admin/jobs/j0']);
});

test('deleting a job wants its name, and goes back to the list that it stood in', async () => {
  vi.mocked(api.DELETE).mockResolvedValue({});
  queries.setQueryData(ask.job('j1').queryKey, job());
  const router = shown('/admin/jobs/:id', '/admin/jobs/j1', <AdminJob />);
  fireEvent.click(screen.getByRole('button', { name: 'Delete job…' }));
  const go = await screen.findByRole('button', { name: 'Delete job' });
  expect(go).toHaveProperty('disabled', true);
  fireEvent.change(screen.getByRole('textbox', { name: /train/ }), { target: { value: 'train' } });
  fireEvent.click(go);
  await waitFor(() => expect(router.state.location.pathname).toBe('/admin/jobs'));
});

test('a choice that is missing is marked as wrong, says so to a screen reader, and gets the focus', async () => {
  shown('/admin/secrets/new', '/admin/secrets/new', <NewSecret />);
  fireEvent.click(screen.getByRole('radio', { name: 'Variable' }));
  fireEvent.change(screen.getByLabelText(/^Name/), { target: { value: 'token' } });
  fireEvent.change(screen.getByLabelText(/^Value/), { target: { value: 'x' } });
  fireEvent.submit(document.querySelector('form')!);
  const field = screen.getByRole('combobox', { name: /^Group/ });
  await waitFor(() => expect(document.activeElement).toBe(field));
  expect(field.getAttribute('aria-invalid')).toBe('true');
  expect(document.getElementById(field.getAttribute('aria-describedby')!.split(' ')[0]!)!.getAttribute('role')).toBe('alert');
});

test('a group admin names one of the pull secrets that are shared with the group', async () => {
  queries.setQueryData(ask.image('scipy').queryKey, {
    id: 'i', name: 'scipy', slug: 'scipy', display_name: '', description: '', kind: 'both', group: 'lab', phase: 'READY', progress: 100, message: '', version: 3,
    source: { type: 'container', url: 'registry.example.org/scipy', url_gpu: null, pull_secret: null },
  } as unknown as Image);
  queries.setQueryData(ask.pullSecrets('lab').queryKey, [{ slug: 'company', name: 'company', registry: 'registry.example.org' } as Secret]);
  shown('/g/:group/images/:image', '/g/lab/images/scipy', <ImageForm />);
  fireEvent.mouseDown(screen.getByRole('combobox', { name: /^Pull secret/ }));
  fireEvent.click(await screen.findByText('company (registry.example.org)'));
  fireEvent.submit(document.querySelector('form')!);
  await waitFor(() => expect(vi.mocked(api.PATCH).mock.calls[0]?.[1]).toMatchObject({ body: { source: { pull_secret: 'company' }, version: 3 } }));
});

const schedule = {
  id: 's1', name: 'report', user: 'ann', group: 'lab', cron: '0 * * * *', timezone: 'UTC', reading: 'Every hour', paused: false, overlap: 'skip', snapshot_at: null, next_at: null, last: null, version: 1,
  job: { instance_type: 'cpu-1', image: 'base', command: 'true', notebook: null },
} as unknown as Schedule;
const firing = (id: string, over: Partial<Firing> = {}): Firing => ({ id, instant: now, until: null, count: 1, outcome: 'SKIPPED', job: null, phase: null, message: '', decided_at: now, ...over });

test('every due time of a recurring job can be reached, and every job of it', async () => {
  queries.setQueryData(ask.schedule('s1').queryKey, schedule);
  queries.setQueryData(ask.firings('s1', 1, 20).queryKey, { items: [firing('f1')], total: 21, page: 1, page_size: 20 });
  queries.setQueryData(ask.firings('s1', 2, 20).queryKey, { items: [firing('f21', { message: 'The first of all' })], total: 21, page: 2, page_size: 20 });
  queries.setQueryData(ask.jobs('lab', 1, 20, { schedule: 's1' }).queryKey, { items: [job({ name: 'newest' })], total: 21, page: 1, page_size: 20 });
  queries.setQueryData(ask.jobs('lab', 2, 20, { schedule: 's1' }).queryKey, { items: [job({ name: 'oldest' })], total: 21, page: 2, page_size: 20 });
  shown('/g/:group/recurring-jobs/:id', '/g/lab/recurring-jobs/s1', <SchedulePage />);
  const [history, jobs] = screen.getAllByRole('button', { name: 'Next page' });
  fireEvent.click(history!);
  expect(await screen.findByText('The first of all')).toBeTruthy();
  fireEvent.click(jobs!);
  expect(await screen.findByText('oldest')).toBeTruthy();
});

test('a list of recurring jobs says how the last run went, and narrows to those that are paused', async () => {
  const first = { search: '', sort: 'name' };
  const runs = { ...schedule, last: firing('f1', { outcome: 'JOB', job: 'j1', phase: 'FAILED' }) };
  queries.setQueryData(ask.schedules('lab', 1, 50, first).queryKey, { items: [runs, { ...schedule, id: 's2', name: 'late', last: firing('f2') }], total: 2, page: 1, page_size: 50 });
  queries.setQueryData(ask.schedules('lab', 1, 50, { ...first, paused: true }).queryKey, { items: [], total: 0, page: 1, page_size: 50 });
  shown('/g/:group/recurring-jobs', '/g/lab/recurring-jobs', <Schedules />);
  expect(screen.getByRole('link', { name: 'Failed' }).getAttribute('href')).toBe('/g/lab/jobs/j1');
  expect(screen.getByText('Skipped')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Paused' }));
  expect(await screen.findByText('No recurring job in this view')).toBeTruthy();
});

test('a job that would wait says about how long, and offers what would start now', () => {
  const choose = vi.fn();
  const reason = { code: 'quota', budget: 'group', resource: 'cpu', message: '2 cores short.', holders: [], help: '' };
  const decision = { would_start: false, never: false, reasons: [reason], budgets: [], warnings: [], position: 2, estimate: new Date(Date.now() + 26 * 60_000).toISOString() } as unknown as JobCheck;
  shown('/', '/', <JobAnswer verdict="no" decision={decision} stale={false} why={null} button={null} others={[options.instance_types[0]!]} onChoose={choose} />);
  expect(screen.getByRole('heading', { level: 2 }).textContent).toBe('Would wait, about 26 min');
  fireEvent.click(screen.getByRole('button', { name: /cpu-1/ }));
  expect(choose).toHaveBeenCalledWith('cpu-1');
  cleanup();
  // that it should have begun already says nothing of when it will
  shown('/', '/', <JobAnswer verdict="no" decision={{ ...decision, estimate: now }} stale={false} why={null} button={null} others={[]} onChoose={choose} />);
  expect(screen.getByRole('heading', { level: 2 }).textContent).toBe('Would wait');
});
