import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, body } from './client';
import type { LaunchRequest } from './types';

/** Everything that pages read. The first word of a key is what `live.tsx` makes stale. */
export const ask = {
  me: () => queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => body(api.GET('/me', { signal })) }),

  settings: () => queryOptions({ queryKey: ['settings'], queryFn: ({ signal }) => body(api.GET('/settings', { signal })) }),

  announcements: () => queryOptions({
    queryKey: ['announcements'],
    queryFn: ({ signal }) => body(api.GET('/announcements', { signal, params: { query: { page_size: 50 } } })),
    refetchInterval: 300_000, // they begin and end by the clock, and no event tells that
  }),


  usage: (group: string) => queryOptions({
    queryKey: ['usage', group],
    queryFn: ({ signal }) => body(api.GET('/groups/{group}/usage', { signal, params: { path: { group } } })),
  }),

  launchOptions: (group: string) => queryOptions({
    queryKey: ['launch-options', group],
    queryFn: ({ signal }) => body(api.GET('/groups/{group}/launch-options', { signal, params: { path: { group } } })),
  }),

  launchCheck: (group: string, request: LaunchRequest) => queryOptions({
    queryKey: ['launch-check', group, request],
    queryFn: ({ signal }) => body(api.POST('/groups/{group}/launch-checks', { signal, params: { path: { group } }, body: request })),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    retry: false,
  }),

  /** The person's one server, whatever group it runs in; null where there is none. */
  activeNotebook: (user: string) => queryOptions({
    queryKey: ['notebooks', 'active', user],
    queryFn: async ({ signal }) => {
      const page = await body(api.GET('/notebooks', { signal, params: { query: { user, active: true, page_size: 5 } } }));
      return page.items.find((notebook) => notebook.server_name === '') ?? null;
    },
  }),

  pastNotebooks: (user: string, group: string, page: number, pageSize: number) => queryOptions({
    queryKey: ['notebooks', 'past', user, group, page, pageSize],
    queryFn: ({ signal }) => body(api.GET('/notebooks', {
      signal, params: { query: { user, group, active: false, page, page_size: pageSize, sort: '-created_at' } },
    })),
    placeholderData: keepPreviousData,
  }),

  notebook: (id: string) => queryOptions({
    queryKey: ['notebooks', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/notebooks/{notebook}', { signal, params: { path: { notebook: id } } })),
  }),

  tokens: () => queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => body(api.GET('/me/tokens', { signal })) }),

  loginRequest: (code: string) => queryOptions({
    queryKey: ['login-request', code],
    queryFn: ({ signal }) => body(api.GET('/login-requests/{code}/approval', { signal, params: { path: { code } } })),
    retry: false,
  }),
};
