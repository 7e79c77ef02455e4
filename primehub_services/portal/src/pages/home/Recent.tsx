import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import type { Job, Notebook } from '../../api/types';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Ago, Bones, Empty, Failure, Panel, Waiting } from '../../parts/page';
import { Status, type State } from '../../parts/Status';
import { t } from '../../text';
import { noteOf } from '../jobs/words';

const MOST = 7;
type Item = { id: string; name: string; kind: string; to: string; at: string; state: State; note: string };

/** The person's own jobs and notebooks in this group, the newest first, as they are now. */
export function useRecent() {
  const group = useGroup();
  const me = useMe();
  const jobs = useQuery(ask.jobs(group.group, 1, MOST, { user: me.name }));
  const active = useQuery(ask.activeNotebook(me.name));
  const past = useQuery(ask.pastNotebooks(me.name, group.group, 1, 6));
  const running = active.data?.group === group.group ? [active.data] : [];
  return {
    items: jobs.data && past.data && !active.isPending ? recentOf(jobs.data.items, [...running, ...past.data.items], `/g/${group.group}`) : null,
    error: jobs.error ?? past.error ?? active.error,
    retry: () => void Promise.all([jobs.refetch(), past.refetch(), active.refetch()]),
  };
}

export function Recent({ recent: { items, error, retry } }: { recent: ReturnType<typeof useRecent> }) {
  const group = useGroup();
  const base = `/g/${group.group}`;
  return (
    <Panel title={t.home.recent} extra={<Link to={`${base}/jobs?view=mine`}>{t.home.allJobs}</Link>}>
      {items === null && error ? <Failure error={error} what={t.home.recentFailed} onRetry={retry} />
        : items === null ? <Waiting><Bones rows={5} /></Waiting>
          : items.length === 0 ? <Empty title={t.home.noRecent} action={<LinkButton to={`${base}/jobs/new`}>{t.jobs.create}</LinkButton>}>{t.home.noRecentWhy}</Empty>
            : (
              <ul className="feed">
                {items.map((item) => <li key={item.id}><Link to={item.to}>{item.name}</Link><Ago at={item.at} /><Status state={item.state} note={item.note} /></li>)}
              </ul>
            )}
    </Panel>
  );
}

/** Both kinds in one list, by when they were asked for. */
export function recentOf(jobs: readonly Job[], notebooks: readonly Notebook[], base: string): Item[] {
  return [
    ...jobs.map((job): Item => ({ id: job.id, name: job.name, kind: 'job', to: `${base}/jobs/${job.id}`, at: job.created_at, state: job.phase, note: noteOf(job) })),
    ...notebooks.map((n): Item => ({ id: n.id, name: t.home.notebookOn(n.image), kind: 'notebook', to: n.ended_at === null ? `${base}/notebooks` : `${base}/notebooks/${n.id}`, at: n.created_at, state: n.phase, note: n.reason })),
  ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, MOST);
}
