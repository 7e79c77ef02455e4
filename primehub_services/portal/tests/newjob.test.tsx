import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import { api, Problem } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Me } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import NewJob from '../src/pages/jobs/NewJob';
import { options } from './things';

const yes = { would_start: true, never: false, reasons: [], warnings: [], budgets: [] };
const refusal = (field: string, message: string) => new Problem(422, 'invalid', 'Invalid', message, 'r1', [{ field, message, fix: '' }]);

/** The form of a new job; what the dry run and submitting answer, each time they are asked. */
function shown({ dry = () => Promise.resolve(yes), submit = () => new Promise(() => {}) }: { dry?: () => Promise<unknown>; submit?: () => Promise<unknown> } = {}) {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  queries.setQueryData(ask.launchOptions('g').queryKey, options);
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
  const sent: unknown[] = [];
  vi.spyOn(api, 'POST').mockImplementation((async (path: string, init: { body: unknown }) => {
    if (path !== '/jobs') return { data: await dry() };
    sent.push(init.body);
    return { data: await submit() };
  }) as never);
  const me = { name: 'ann', platform_admin: false, groups: [{ group: 'g', name: 'g', display_name: '', role: 'member' }] } as unknown as Me;
  const router = createMemoryRouter([{ path: '/g/:group/jobs/new', element: <NewJob /> }, { path: '*', element: <p>elsewhere</p> }], { initialEntries: ['/g/g/jobs/new'] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={me}><main><RouterProvider router={router} /></main></SessionContext.Provider></QueryClientProvider>);
  return { router, queries, sent };
}

const type = (name: string | RegExp, value: string) => fireEvent.change(screen.getByLabelText(name), { target: { value } });
// on phones a second one stands at the foot of the page
const button = () => screen.getAllByRole<HTMLButtonElement>('button', { name: 'Submit job' })[0]!;

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test('what the platform refuses stands at its field, what was typed stays, and goes away as soon as it is changed', async () => {
  const { sent } = shown({ submit: () => Promise.reject(refusal('name', 'is taken')) });
  type(/^Name/, 'bread');
  type('Command', 'bake');
  fireEvent.click(button());
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText(/^Name/)));
  expect(screen.getByRole('alert').textContent).toContain('Is taken');
  expect(sent).toMatchObject([{ name: 'bread', command: 'bake', from_schedule: null }]);
  expect(screen.getByLabelText('Command')).toHaveProperty('value', 'bake');
  type(/^Name/, 'buns');
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
});

test('without a command nothing is sent', async () => {
  const { sent } = shown();
  fireEvent.click(button());
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Command')));
  expect(sent).toEqual([]);
});

test('a time limit that was emptied, or is 0, is asked for and not sent', async () => {
  const { sent } = shown();
  type('Command', 'bake');
  fireEvent.click(screen.getByLabelText('After'));
  const limit = screen.getByRole('spinbutton', { name: 'Time limit' });
  const give = (value: string) => fireEvent.change(limit, { target: { value } });
  for (const wrong of ['', '0']) {
    give(wrong);
    fireEvent.click(button());
    await waitFor(() => expect(document.activeElement).toBe(limit));
    expect(screen.getByRole('alert').textContent).toContain('This is needed');
  }
  expect(sent).toEqual([]);
  give('0.5');
  fireEvent.click(button());
  await waitFor(() => expect(sent).toMatchObject([{ timeout: 1800 }]));
});

test('a new job after a clone has nothing of it', async () => {
  const { router, queries } = shown();
  queries.setQueryData(ask.job('j1').queryKey, { ...options, id: 'j1', name: 'bread', command: 'bake', notebook: null, instance_type: 'cpu-1', image: 'base', environment: {}, secrets: {}, timeout: null, retries: 0 } as never);
  await act(() => router.navigate('/g/g/jobs/new?from=j1'));
  expect(screen.getByLabelText('Command')).toHaveProperty('value', 'bake');
  await act(() => router.navigate('/g/g/jobs/new'));
  expect(screen.getByLabelText('Command')).toHaveProperty('value', '');
  type('Command', 'fry');
  await act(() => router.navigate('/g/g/jobs/new?from=j1'));
  expect(screen.getByRole('dialog').textContent).toContain('1 change on this page is not saved');
});

test('leaving asks where something was typed, and a job that was submitted is left for without a question', async () => {
  const { router } = shown({ submit: () => Promise.resolve({ id: 'job-1', group: 'g' }) });
  type('Command', 'bake');
  await router.navigate('/elsewhere');
  fireEvent.click(await screen.findByRole('button', { name: 'Stay here' }));
  fireEvent.click(button());
  await waitFor(() => expect(router.state.location.pathname).toBe('/g/g/jobs/job-1'));
});

test('the dry run’s answer stands beside the button, and what it refuses at the field', async () => {
  const answers = [() => Promise.resolve(yes), () => Promise.reject(refusal('environment.A', 'is too long'))];
  shown({ dry: () => answers.shift()!() });
  expect(await screen.findByRole('heading', { name: 'Would start now' })).toBeTruthy();
  type('Command', 'bake');
  await waitFor(() => expect(screen.getAllByText(/is too long/i).length).toBeGreaterThan(1));
  expect(screen.getByRole('alert').textContent).toContain('Is too long');
});

test('what could never run cannot be submitted', async () => {
  shown({ dry: () => Promise.resolve({ ...yes, would_start: false, never: true, reasons: [] }) });
  await waitFor(() => expect(button().disabled).toBe(true));
});
