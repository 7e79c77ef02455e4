import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import { api } from '../src/api/client';
import { ask } from '../src/api/queries';
import type { Me } from '../src/api/types';
import { SessionContext } from '../src/lib/session';
import JobPage from '../src/pages/jobs/JobPage';
import PastOne from '../src/pages/notebooks/PastOne';
import SchedulePage from '../src/pages/schedules/SchedulePage';

const me = { name: 'ann', groups: ['a', 'b'].map((name) => ({ group: name, name, display_name: '', role: 'member' })) } as unknown as Me;

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** Where one ends up who opens, below group a, what group b has. */
function led(page: string, key: readonly unknown[], thing: object, element: React.ReactNode, search = '') {
  vi.spyOn(api, 'GET').mockReturnValue(new Promise(() => {}));
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  queries.setQueryData(key, { id: 'x', group: 'b', ...thing });
  const router = createMemoryRouter([{ path: `/g/b/${page}/x`, element: null }, { path: `/g/:group/${page}/:id`, element }], { initialEntries: [`/g/a/${page}/x${search}`] });
  render(<QueryClientProvider client={queries}><SessionContext.Provider value={me}><RouterProvider router={router} /></SessionContext.Provider></QueryClientProvider>);
  return `${router.state.location.pathname}${router.state.location.search}`;
}

test('a job, a notebook and a recurring job open in their own group, whatever group the address named', () => {
  expect(led('jobs', ask.job('x').queryKey, {}, <JobPage />, '?tab=artifacts')).toBe('/g/b/jobs/x?tab=artifacts');
  expect(led('notebooks', ask.notebook('x').queryKey, { user: 'ann', ended_at: '2026-03-12T14:00:00Z' }, <PastOne />)).toBe('/g/b/notebooks/x');
  expect(led('recurring-jobs', ask.schedule('x').queryKey, {}, <SchedulePage />)).toBe('/g/b/recurring-jobs/x');
});
