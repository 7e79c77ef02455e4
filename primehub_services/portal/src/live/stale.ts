import type { Query, QueryClient } from '@tanstack/react-query';
import type { Change } from './messages';

const SOON = 20; // what one transaction changes comes in one go
const EVERY = 300;

/** Which lists and things a change of each kind makes stale: the first word of the query keys. */
export const STALE: Record<string, readonly string[]> = {
  account: ['me', 'users', 'members', 'running'],
  membership: ['me', 'members', 'users', 'memberships', 'groups', 'launch-options', 'usage', 'platform-usage'],
  group: ['me', 'groups', 'launch-options', 'usage', 'platform-usage', 'launch-check', 'job-check', 'queue'],
  'instance-type': ['launch-options', 'launch-check', 'job-check', 'instance-types', 'catalog'],
  image: ['launch-options', 'launch-check', 'job-check', 'images', 'catalog'],
  volume: ['launch-options', 'volumes', 'catalog'],
  secret: ['secrets'],
  notebook: ['notebooks', 'usage', 'platform-usage', 'launch-options', 'launch-check', 'job-check', 'groups', 'queue', 'running'],
  job: ['jobs', 'queue', 'usage', 'platform-usage', 'launch-options', 'launch-check', 'job-check', 'groups', 'artifacts', 'running', 'schedules'],
  queue: ['queue', 'jobs'],
  schedule: ['schedules'],
  notification: ['notifications'],
  announcement: ['announcements'],
  settings: ['settings', 'me', 'queue'],
  invitation: ['invitations'],
};

/** What may be asked for anew as a whole; a log is followed, and goes on where it was. */
export const refreshable = ({ queryKey }: Pick<Query, 'queryKey'>): boolean => queryKey[0] !== 'log';

/**
 * Asks again for what has changed: the changes of a moment together, and what is being asked for already not before
 * its answer is there, since a list that changes all the time would else never have one.
 */
export class Refresher {
  private names = new Set<string>();
  private late = new Set<Query>();
  private everything = false;
  private last = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly underWay = new Set<Query>();

  constructor(private readonly queries: QueryClient) {}

  changed({ kind }: Change): void {
    for (const name of STALE[kind] ?? [kind]) this.names.add(name);
    this.names.add('audit'); // every change is written there with it
    this.soon();
  }

  all(): void {
    this.everything = true;
    this.soon();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private soon(): void {
    this.timer ??= setTimeout(() => this.refresh(), Math.max(SOON, this.last + EVERY - Date.now()));
  }

  private refresh(): void {
    const { names, late, everything } = this;
    [this.names, this.late, this.everything, this.last, this.timer] = [new Set(), new Set(), false, Date.now(), undefined];
    const stale = (query: Query) => late.has(query) || (everything ? refreshable(query) : names.has(String(query.queryKey[0])));
    for (const query of this.queries.getQueryCache().findAll({ predicate: stale, fetchStatus: 'fetching' })) this.onceMore(query);
    void this.queries.invalidateQueries({ predicate: stale }, { cancelRefetch: false });
  }

  /** What is on its way may have been read before the change. */
  private onceMore(query: Query): void {
    if (this.underWay.has(query)) return;
    this.underWay.add(query);
    void Promise.resolve(query.promise).catch(() => undefined).then(() => {
      this.underWay.delete(query);
      this.late.add(query);
      this.soon();
    });
  }
}
