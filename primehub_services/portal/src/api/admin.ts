/** What admin pages read. The first word of a key is what `live.tsx` makes stale. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { all, MOST } from './all';
import { api, body } from './client';
import type { components } from './schema';

type S = components['schemas'];
export type Group = S['Group'];
export type GroupUpdate = S['GroupUpdate'];
export type GroupOverview = S['GroupOverview'];
export type GroupLosses = S['GroupLosses'];
export type Membership = S['Membership'];
export type Account = S['Account'];
export type AccountUpdate = S['AccountUpdate'];
export type AccountCreated = S['AccountCreated'];
export type RunningThing = S['RunningThing'];
export type Invitation = S['Invitation'];
export type InvitationCreated = S['InvitationCreated'];
export type LinkSent = S['LinkSent'];
export type InstanceType = S['InstanceType'];
export type InstanceTypeUpdate = S['InstanceTypeUpdate'];
export type Toleration = S['Toleration'];
export type Image = S['Image'];
export type ImageCreate = S['ImageCreate'];
export type ImageUpdate = S['ImageUpdate'];
export type Volume = S['Volume'];
export type VolumeCreate = S['VolumeCreate'];
export type VolumeUpdate = S['VolumeUpdate'];
export type Secret = S['Secret'];
export type SecretUpdate = S['SecretUpdate'];
export type SystemSettings = S['SystemSettings'];
export type SystemSettingsUpdate = S['SystemSettingsUpdate'];
export type MailServer = S['MailServer'];
export type AuditEvent = S['AuditEvent'];
export type PlatformStatus = S['Status'];
export type Part = S['Part'];
export type Page<T> = { items: T[]; total: number; page: number; page_size: number };

export type ListQuery = { page: number; page_size: number; search: string; sort?: string };
export type AuditFilter = { actor: string; action: string; group?: string; since?: string; until?: string };

export const admin = {
  overview: () => queryOptions({
    queryKey: ['platform-usage'],
    queryFn: ({ signal }) => body(api.GET('/usage', { signal })),
    // on most pages it stands beside what they are about, without a retry of its own
    refetchInterval: ({ state }) => (state.status === 'error' ? 10_000 : false),
  }),

  groups: (query: ListQuery) => queryOptions({
    queryKey: ['groups', 'list', query],
    queryFn: ({ signal }) => body(api.GET('/groups', { signal, params: { query: { ...query, all: true } } })),
    placeholderData: keepPreviousData,
  }),
  group: (group: string) => queryOptions({
    queryKey: ['groups', 'one', group],
    queryFn: ({ signal }) => body(api.GET('/groups/{group}', { signal, params: { path: { group } } })),
  }),
  losses: (group: string) => queryOptions({
    queryKey: ['groups', 'losses', group],
    queryFn: ({ signal }) => body(api.GET('/groups/{group}/losses', { signal, params: { path: { group } } })),
    staleTime: 0,
  }),
  members: (group: string) => queryOptions({
    queryKey: ['members', 'all', group],
    queryFn: ({ signal }) => all((page) => body(api.GET('/groups/{group}/members', { signal, params: { path: { group }, query: { page, page_size: MOST } } }))),
  }),

  users: (query: ListQuery) => queryOptions({
    queryKey: ['users', 'list', query],
    queryFn: ({ signal }) => body(api.GET('/users', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  user: (user: string) => queryOptions({
    queryKey: ['users', 'one', user],
    queryFn: ({ signal }) => body(api.GET('/users/{user}', { signal, params: { path: { user } } })),
  }),
  memberships: (user: string) => queryOptions({
    queryKey: ['memberships', user],
    queryFn: ({ signal }) => body(api.GET('/users/{user}/memberships', { signal, params: { path: { user } } })),
  }),
  running: (user: string) => queryOptions({
    queryKey: ['running', user],
    queryFn: ({ signal }) => body(api.GET('/users/{user}/running', { signal, params: { path: { user } } })),
    staleTime: 0,
  }),
  invitations: (query: ListQuery) => queryOptions({
    queryKey: ['invitations', query],
    queryFn: ({ signal }) => body(api.GET('/invitations', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),

  types: (query: ListQuery) => queryOptions({
    queryKey: ['instance-types', 'list', query],
    queryFn: ({ signal }) => body(api.GET('/instance-types', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  type: (type: string) => queryOptions({
    queryKey: ['instance-types', 'one', type],
    queryFn: ({ signal }) => body(api.GET('/instance-types/{instance_type}', { signal, params: { path: { instance_type: type } } })),
  }),
  images: (query: ListQuery) => queryOptions({
    queryKey: ['images', 'list', query],
    queryFn: ({ signal }) => body(api.GET('/images', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  image: (image: string) => queryOptions({
    queryKey: ['images', 'one', image],
    queryFn: ({ signal }) => body(api.GET('/images/{image}', { signal, params: { path: { image } } })),
  }),
  volumes: (query: ListQuery) => queryOptions({
    queryKey: ['volumes', 'list', query],
    queryFn: ({ signal }) => body(api.GET('/volumes', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  volume: (volume: string) => queryOptions({
    queryKey: ['volumes', 'one', volume],
    queryFn: ({ signal }) => body(api.GET('/volumes/{volume}', { signal, params: { path: { volume } } })),
  }),
  volumeManifests: (volume: string, bound: boolean) => queryOptions({
    queryKey: ['volumes', 'manifests', volume],
    queryFn: ({ signal }) => body(api.GET('/volumes/{volume}/manifests', { signal, params: { path: { volume } } })),
    enabled: bound,
    retry: false,
  }),
  secrets: (query: ListQuery) => queryOptions({
    queryKey: ['secrets', 'list', query],
    queryFn: ({ signal }) => body(api.GET('/secrets', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  secret: (secret: string) => queryOptions({
    queryKey: ['secrets', 'one', secret],
    queryFn: ({ signal }) => body(api.GET('/secrets/{secret}', { signal, params: { path: { secret } } })),
  }),
  /** All that can be given to groups, whole: there are tens of each, not thousands. */
  catalog: () => queryOptions({
    queryKey: ['catalog'],
    queryFn: async ({ signal }) => {
      const [types, images, volumes] = await Promise.all([
        all((page) => body(api.GET('/instance-types', { signal, params: { query: { page, page_size: MOST } } }))),
        all((page) => body(api.GET('/images', { signal, params: { query: { page, page_size: MOST } } }))),
        all((page) => body(api.GET('/volumes', { signal, params: { query: { page, page_size: MOST } } }))),
      ]);
      return { types, images, volumes };
    },
  }),
  allSecrets: () => queryOptions({
    queryKey: ['secrets', 'all'],
    queryFn: ({ signal }) => all((page) => body(api.GET('/secrets', { signal, params: { query: { page, page_size: MOST } } }))),
  }),

  notebooks: (query: ListQuery, active: boolean | undefined) => queryOptions({
    queryKey: ['notebooks', 'all', query, active],
    queryFn: ({ signal }) => body(api.GET('/notebooks', { signal, params: { query: { ...query, active } } })),
    placeholderData: keepPreviousData,
  }),
  jobs: (query: ListQuery & { active?: boolean; phase?: S['JobPhase'] }) => queryOptions({
    queryKey: ['jobs', 'all', query],
    queryFn: ({ signal }) => body(api.GET('/jobs', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  schedules: (query: ListQuery & { paused?: boolean }) => queryOptions({
    queryKey: ['schedules', 'all', query],
    queryFn: ({ signal }) => body(api.GET('/schedules', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  audit: (query: ListQuery & AuditFilter) => queryOptions({
    queryKey: ['audit', query],
    queryFn: ({ signal }) => body(api.GET('/audit', { signal, params: { query } })),
    placeholderData: keepPreviousData,
  }),
  announcements: () => queryOptions({
    queryKey: ['announcements', 'all'],
    queryFn: ({ signal }) => body(api.GET('/announcements', { signal, params: { query: { all: true, page_size: MOST } } })),
  }),
  email: () => queryOptions({ queryKey: ['email'], queryFn: ({ signal }) => body(api.GET('/email', { signal })) }),
  status: () => queryOptions({
    queryKey: ['status'],
    queryFn: ({ signal }) => body(api.GET('/status', { signal })),
    refetchInterval: 10_000,
  }),
};

/** The generated types ask for every field of an update; what is left out stays as it is. */
export const some = <T>(fields: Partial<T>) => fields as T;
