import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { all, MOST } from './all';
import { api, body } from './client';
import type { JobPhase, JobSpec, LaunchRequest, Preview, Secret } from './types';

export type JobFilter = { active?: boolean; phase?: JobPhase; user?: string; search?: string; schedule?: string; since?: string; sort?: string };

export type ScheduleFilter = { search: string; sort: string; paused?: boolean; user?: string };

/** A platform admin is told of everybody's secrets, and may use no more of them than others may. */
async function envSecrets(signal: AbortSignal, wanted: (secret: Secret, me: string) => boolean): Promise<{ items: Secret[] }> {
  const [{ name }, secrets] = await Promise.all([
    body(api.GET('/me', { signal })),
    all((page) => body(api.GET('/secrets', { signal, params: { query: { page, page_size: MOST, sort: 'name' } } }))),
  ]);
  return { items: secrets.filter((secret) => secret.kind === 'env' && wanted(secret, name)) };
}

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

  /** What kinds of images and volumes there can be; it changes with the installation alone. */
  engine: () => queryOptions({ queryKey: ['engine'], queryFn: ({ signal }) => body(api.GET('/engine', { signal })), staleTime: Infinity }),

  pastNotebooks: (user: string, group: string, page: number, pageSize: number, search = '', sort = '-created_at') => queryOptions({
    queryKey: ['notebooks', 'past', user, group, page, pageSize, search, sort],
    queryFn: ({ signal }) => body(api.GET('/notebooks', {
      signal, params: { query: { user, group, active: false, page, page_size: pageSize, search, sort } },
    })),
    placeholderData: keepPreviousData,
  }),

  notebook: (id: string) => queryOptions({
    queryKey: ['notebooks', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/notebooks/{notebook}', { signal, params: { path: { notebook: id } } })),
  }),

  notebookUsage: (id: string, live: boolean) => queryOptions({
    queryKey: ['notebook-usage', id],
    queryFn: ({ signal }) => body(api.GET('/notebooks/{notebook}/usage', { signal, params: { path: { notebook: id } } })),
    refetchInterval: live ? 10_000 : false,
  }),

  jobs: (group: string, page: number, pageSize: number, filter: JobFilter) => queryOptions({
    queryKey: ['jobs', 'list', group, page, pageSize, filter],
    queryFn: ({ signal }) => body(api.GET('/jobs', { signal, params: { query: { group, page, page_size: pageSize, ...filter } } })),
    placeholderData: keepPreviousData,
  }),

  /** Those of every group that one sees. */
  jobsAnywhere: (search: string, most: number) => queryOptions({
    queryKey: ['jobs', 'anywhere', search, most],
    queryFn: ({ signal }) => body(api.GET('/jobs', { signal, params: { query: { search, page_size: most } } })),
    placeholderData: keepPreviousData,
  }),

  jobCounts: (group: string | undefined, search: string, since: string | undefined) => queryOptions({
    queryKey: ['jobs', 'counts', group, search, since],
    queryFn: ({ signal }) => body(api.GET('/job-counts', { signal, params: { query: { ...(group && { group }), ...(search && { search }), ...(since && { since }) } } })),
    placeholderData: keepPreviousData,
  }),

  job: (id: string) => queryOptions({
    queryKey: ['jobs', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/jobs/{job}', { signal, params: { path: { job: id } } })),
    // what it waits for changes with what others do, and not every such change is an event of this job
    refetchInterval: ({ state }) => (state.data?.phase === 'PENDING' ? 2_000 : false),
  }),

  jobCheck: (group: string, request: JobSpec) => queryOptions({
    queryKey: ['job-check', group, request],
    queryFn: ({ signal }) => body(api.POST('/groups/{group}/job-checks', { signal, params: { path: { group } }, body: request })),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    retry: false,
  }),

  artifacts: (id: string, attempt: number) => queryOptions({
    queryKey: ['artifacts', id, attempt],
    queryFn: ({ signal }) => body(api.GET('/jobs/{job}/artifacts', { signal, params: { path: { job: id }, query: { attempt } } })),
  }),

  preview: (id: string, attempt: number, path: string) => queryOptions({
    queryKey: ['artifacts', 'preview', id, attempt, path],
    queryFn: async ({ signal }) => (await body(api.GET('/jobs/{job}/previews/{path}', {
      signal, params: { path: { job: id, path }, query: { attempt } }, pathSerializer: (route, given) => route.replace('{job}', id).replace('{path}', String(given.path).split('/').map(encodeURIComponent).join('/')),
    }))) as Preview, // without `rendered` it is never HTML
    retry: false,
  }),

  jobUsage: (id: string, attempt: number, live: boolean) => queryOptions({
    queryKey: ['job-usage', id, attempt],
    queryFn: ({ signal }) => body(api.GET('/jobs/{job}/usage', { signal, params: { path: { job: id }, query: { attempt } } })),
    refetchInterval: live ? 10_000 : false,
  }),

  members: (group: string) => queryOptions({
    queryKey: ['members', group],
    queryFn: async ({ signal }) => ({ items: await all((page) => body(api.GET('/groups/{group}/members', { signal, params: { path: { group }, query: { page, page_size: MOST } } }))) }),
  }),

  /** For platform admins. */
  people: (search: string, most: number) => queryOptions({
    queryKey: ['users', 'found', search, most],
    queryFn: ({ signal }) => body(api.GET('/users', { signal, params: { query: { search, page_size: most } } })),
    placeholderData: keepPreviousData,
  }),

  /** For platform admins: of all groups, not only their own. */
  allGroups: (search: string, most: number) => queryOptions({
    queryKey: ['groups', 'found', search, most],
    queryFn: ({ signal }) => body(api.GET('/groups', { signal, params: { query: { search, page_size: most, all: true } } })),
    placeholderData: keepPreviousData,
  }),

  group: (group: string) => queryOptions({
    queryKey: ['groups', group],
    queryFn: ({ signal }) => body(api.GET('/groups/{group}', { signal, params: { path: { group } } })),
  }),

  queue: (group: string, page = 1) => queryOptions({
    queryKey: ['queue', group, page],
    queryFn: ({ signal }) => body(api.GET('/groups/{group}/queue', { signal, params: { path: { group }, query: { page } } })),
    refetchInterval: 10_000,
    placeholderData: (before, of) => (of?.queryKey[1] === group ? before : undefined),
  }),

  schedules: (group: string, page: number, pageSize: number, filter: ScheduleFilter) => queryOptions({
    queryKey: ['schedules', 'list', group, page, pageSize, filter],
    queryFn: ({ signal }) => body(api.GET('/schedules', { signal, params: { query: { group, page, page_size: pageSize, ...filter } } })),
    placeholderData: keepPreviousData,
  }),

  schedule: (id: string) => queryOptions({
    queryKey: ['schedules', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/schedules/{schedule}', { signal, params: { path: { schedule: id } } })),
  }),

  firings: (id: string, page: number, pageSize: number) => queryOptions({
    queryKey: ['schedules', 'firings', id, page, pageSize],
    queryFn: ({ signal }) => body(api.GET('/schedules/{schedule}/firings', { signal, params: { path: { schedule: id }, query: { page, page_size: pageSize } } })),
    placeholderData: keepPreviousData,
  }),

  cronPreview: (cron: string, timezone: string) => queryOptions({
    queryKey: ['cron-preview', cron, timezone],
    queryFn: ({ signal }) => body(api.POST('/schedule-previews', { signal, body: { cron, timezone } })),
    placeholderData: keepPreviousData,
    retry: false,
  }),

  /** Secrets that a workload in the group may have in its environment: the person's own and the group's. */
  envSecrets: (group: string) => queryOptions({
    queryKey: ['secrets', 'env', group],
    queryFn: ({ signal }) => envSecrets(signal, (secret, me) => secret.owner === me || secret.group === group),
  }),

  /** `env` secrets that belong to the group, or to the person where no group is named. */
  ownSecrets: (group: string | null) => queryOptions({
    queryKey: ['secrets', 'own', group],
    queryFn: ({ signal }) => envSecrets(signal, (secret, me) => (group === null ? secret.owner === me : secret.group === group)),
  }),

  /** Secrets with which the group's images may be fetched. */
  pullSecrets: (group: string) => queryOptions({
    queryKey: ['secrets', 'pull', group],
    queryFn: async ({ signal }) => (await all((page) => body(api.GET('/secrets', { signal, params: { query: { group, page, page_size: MOST, sort: 'name' } } })))).filter((secret) => secret.kind === 'pull'),
  }),

  images: (group: string, page: number, search: string, sort: string) => queryOptions({
    queryKey: ['images', 'list', group, page, search, sort],
    queryFn: ({ signal }) => body(api.GET('/images', { signal, params: { query: { group, page, search, sort } } })),
    placeholderData: keepPreviousData,
  }),

  image: (image: string) => queryOptions({
    queryKey: ['images', 'one', image],
    queryFn: ({ signal }) => body(api.GET('/images/{image}', { signal, params: { path: { image } } })),
  }),

  notifications: () => queryOptions({ queryKey: ['notifications'], queryFn: ({ signal }) => body(api.GET('/me/notifications', { signal })) }),

  tokens: () => queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => body(api.GET('/me/tokens', { signal })) }),

  loginRequest: (code: string) => queryOptions({
    queryKey: ['login-request', code],
    queryFn: ({ signal }) => body(api.GET('/login-requests/{code}/approval', { signal, params: { path: { code } } })),
    retry: false,
  }),
};
