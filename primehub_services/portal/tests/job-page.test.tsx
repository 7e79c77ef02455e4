import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { MemoryRouter, Route, Routes } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { api } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { BudgetLine, Firing, Job, Me, Preview, QueuePlace, Reason, Schedule } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import { Cells } from '../src/pages/jobs/Artifacts';
import { helpsFor } from '../src/pages/jobs/helps';
import Jobs from '../src/pages/jobs/Jobs';
import { LastError, lastError } from '../src/pages/jobs/LastError';
import { Why } from '../src/pages/jobs/Why';
import SchedulePage from '../src/pages/schedules/SchedulePage';

const ann = { name: 'ann', platform_admin: false, groups: [{ group: 'lab', role: 'member' }] } as unknown as Me;
const admin = { name: 'root', platform_admin: true, groups: [] } as unknown as Me;

beforeEach(() => {
  queries = new QueryClient();
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});
let queries: QueryClient;
const shown = (element: ReactNode, me = ann) => render(
  <QueryClientProvider client={queries}><SessionContext.Provider value={me}><MemoryRouter>{element}</MemoryRouter></SessionContext.Provider></QueryClientProvider>,
);

test('the last error of a log is its last line that speaks of one, else its last line, never endless', () => {
  expect(lastError('reading\nTraceback (most recent call last):\n  File "a.py", line 3, in <module>\nValueError: no epoch\n\n')).toBe('ValueError: no epoch');
  expect(lastError('cp: cannot stat x\ncleaning up\n')).toBe('cp: cannot stat x');
  expect(lastError('epoch 1\nepoch 2\n')).toBe('epoch 2');
  expect(lastError('\u001b[31merror: red\u001b[0m\r\n')).toBe('error: red');
  expect(lastError(' \n\n')).toBe('');
  expect(lastError(`error ${'x'.repeat(5000)}`)).toHaveLength(301);
});

const failed = (started: string | null) => ({ id: 'job-1', group: 'lab', phase: 'FAILED', ended_at: '2026-03-12T14:00:00Z', attempts: [{ number: 2, started_at: started }] }) as unknown as Job;

test('a failed job says its log’s last error as plain text, with a link to the log, and keeps the line’s place before', async () => {
  let answer: (log: never) => void = () => {};
  vi.mocked(api.GET).mockReturnValue(new Promise((resolve) => { answer = resolve; }));
  const { container } = shown(<LastError job={failed('2026-03-12T13:59:00Z')} />);
  expect(container.querySelector('.lastError')).not.toBeNull();
  expect(vi.mocked(api.GET).mock.calls[0]).toMatchObject(['/jobs/{job}/log', { params: { path: { job: 'job-1' }, query: { attempt: 2 } } }]);
  answer({ data: { offset: 0, next_offset: 9, text: 'KeyError: <b>x</b>\n' } } as never);
  expect((await screen.findByText('KeyError: <b>x</b>')).tagName).toBe('CODE');
  expect(screen.getByRole('link', { name: 'See the log' }).getAttribute('href')).toBe('/?tab=log');
});

test('where the log is empty or away, and where nothing ran, nothing is said of it', async () => {
  for (const outcome of [() => Promise.resolve({ data: { offset: 0, next_offset: 0, text: '' } }), () => Promise.reject(new Error('away'))]) {
    queries = new QueryClient();
    vi.mocked(api.GET).mockImplementation(outcome as never);
    const { container } = shown(<LastError job={failed('2026-03-12T13:59:00Z')} />);
    await waitFor(() => expect(queries.getQueryCache().getAll().map(({ state }) => [state.fetchStatus, state.status === 'pending'])).toEqual([['idle', false]]));
    expect(container.textContent).toBe('');
    cleanup();
  }
  expect(shown(<LastError job={failed(null)} />).container.innerHTML).toBe('');
});

const line = (budget: BudgetLine['budget'], used: string): BudgetLine => ({ budget, resource: 'cpu', limit: '12 cores', used, asked: '8 cores' });
const reason = (over: Partial<Reason> = {}): Reason => ({
  code: 'quota', field: 'instance_type', budget: 'group', resource: 'cpu', message: '6 cores short.', limit: '12 cores', used: '10 cores', asked: '8 cores', short: '6 cores', holders: [], help: 'Wait.', ...over,
});
const place = (reasons: Reason[], budgets: BudgetLine[]): QueuePlace => ({
  position: 1, of: 1, waiting_since: '2026-03-12T14:00:00Z', kept_from: '2026-03-12T14:10:00Z', kept: false, estimate: null,
  decision: { would_start: false, never: false, reasons, warnings: [], budgets },
});
const job = { id: 'job-1', group: 'lab', user: 'ann' } as unknown as Job;
const kinds = (name: RegExp) => [...screen.getByRole('img', { name }).querySelectorAll('i')].map((part) => [part.className, part.style.width]);

test('what is your own of a budget is solid, the others’ part pale, and the drawing is explained', () => {
  shown(<Why job={job} place={place([reason()], [line('user', '3 cores'), line('group', '10 cores')])} />);
  expect(kinds(/You, in this group/)).toEqual([['mine', '25%'], ['ask', expect.stringMatching(/^66\.6/)]]);
  expect(kinds(/Group/).map(([kind]) => kind)).toEqual(['mine', 'others', 'ask', 'over']);
  expect([...document.querySelectorAll('.legend span')].map((one) => one.textContent)).toEqual(['You', 'Others', 'This job', 'Over the limit']);
});

test('of another’s job nothing is said to be yours', () => {
  shown(<Why job={{ ...job, user: 'bo' }} place={place([reason()], [line('user', '3 cores'), line('group', '10 cores')])} />);
  expect(kinds(/bo, in this group/).map(([kind]) => kind)).toEqual(['others', 'ask']);
  expect([...document.querySelectorAll('.legend span')].map((one) => one.textContent)).toEqual(['In use', 'This job', 'Over the limit']);
});

test('what would help is a link to where it is done, by what holds the job up and what the person may', () => {
  const holder = { user: 'ann', kind: 'notebook', name: '', title: null, amount: '4 cores', since: '2026-03-12T14:00:00Z' } as Reason['holders'][number];
  const held = [reason({ budget: 'user', holders: [holder, { ...holder, kind: 'job', name: 'job-0', title: 'train' }, { ...holder, user: 'bo' }] })];
  const to = (reasons: Reason[], me: Me) => helpsFor(job, reasons, me).map((help) => help.to);
  expect(to(held, ann)).toEqual(['/g/lab/notebooks', '/g/lab/jobs/job-0', '/g/lab/jobs/new?from=job-1', '/g/lab/queue', '/g/lab/settings']);
  expect(to(held, admin)).toEqual(['/admin/usage', '/admin/groups/lab']);
  expect(to([reason({ code: 'never-fits' })], ann)).toEqual(['/g/lab/jobs/new?from=job-1', '/g/lab/settings']);
  expect(to([reason({ code: 'resting', budget: null })], ann)).toEqual([]);
  shown(<Why job={job} place={place(held, [])} />);
  expect(screen.getByRole('link', { name: 'Stop your notebook' }).getAttribute('href')).toBe('/g/lab/notebooks');
  expect(screen.getByRole('link', { name: 'Cancel your job train' }).getAttribute('href')).toBe('/g/lab/jobs/job-0');
});

test('columns of numbers stand at the right, and columns with a word at the left', () => {
  const preview = { columns: ['epoch', 'loss', 'note'], rows: [['1', '0.5', '1'], ['2', '', 'best'], ['3', '-1.2e-3', '']] } as unknown as Preview;
  render(<Cells preview={preview} name="metrics" />);
  expect([...document.querySelectorAll('th')].map((head) => head.className)).toEqual(['r', 'r', '']);
  expect([...document.querySelectorAll('tbody tr:first-child td')].map((cell) => cell.className)).toEqual(['r', 'r', '']);
});

/** A page of the group at its address. */
const at = (path: string, to: string, element: ReactNode) => render(
  <QueryClientProvider client={queries}><SessionContext.Provider value={ann}><MemoryRouter initialEntries={[to]}><Routes><Route path={path} element={element} /></Routes></MemoryRouter></SessionContext.Provider></QueryClientProvider>,
);

test('a job that is being prepared is among those that have not ended, and is counted there', async () => {
  vi.mocked(api.GET).mockImplementation(((route: string) => Promise.resolve({
    data: route === '/job-counts' ? { all: 9, active: 3, mine: 1, phases: { PREPARING: 1, RUNNING: 1, PENDING: 1 } } : { items: [], total: 0 },
  })) as never);
  at('/g/:group/jobs', '/g/lab/jobs?view=active', <Jobs />);
  await waitFor(() => expect(screen.getByRole('button', { name: /^Not ended/ }).textContent).toBe('Not ended3'));
  expect(screen.getByRole('button', { name: /^Not ended/ }).getAttribute('aria-pressed')).toBe('true');
  const asked = (vi.mocked(api.GET).mock.calls as unknown as [string, { params: { query: object } }][]).find(([route]) => route === '/jobs')![1];
  expect(asked.params.query).toMatchObject({ group: 'lab', active: true });
  expect(asked.params.query).not.toHaveProperty('phase');
});

test('the state of a recurring job’s run has a column of its own', async () => {
  const schedule = { id: 's1', name: 'report', user: 'ann', group: 'lab', reading: 'Daily', timezone: 'UTC', cron: '0 4 * * *', overlap: 'SKIP', paused: false, next_at: null, job: { instance_type: 'cpu-1', image: 'base', command: 'x', notebook: null } } as unknown as Schedule;
  const firing = { id: 'f1', instant: '2026-03-12T04:00:00Z', outcome: 'RAN', job: 'job-1', phase: 'SUCCEEDED', message: '', until: null, count: 1 } as unknown as Firing;
  queries.setQueryData(ask.schedule('s1').queryKey, schedule);
  queries.setQueryData(ask.firings('s1', 1, 20).queryKey, { items: [firing], total: 1 } as never);
  at('/g/:group/recurring-jobs/:id', '/g/lab/recurring-jobs/s1', <SchedulePage />);
  expect((await screen.findByRole('columnheader', { name: 'Status' })).parentElement!.lastChild!.textContent).toBe('Status');
  expect(screen.getByText('job-1').closest('td')!.textContent).toBe('job-1');
  expect(screen.getByText('Succeeded').closest('td')!.textContent).toBe('Succeeded');
});
