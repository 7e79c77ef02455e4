import { useQuery } from '@tanstack/react-query';
import { Button, Input } from 'antd';
import { Plus, Search } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { ask, type JobFilter } from '../../api/queries';
import type { Job } from '../../api/types';
import { useNow } from '../../lib/clock';
import { useDebounced } from '../../lib/debounce';
import { count, exact } from '../../lib/format';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Ago, Bones, Empty, Failure, Page, Waiting, Who } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { RowActions } from './actions';
import { noteOf, took, watch } from './words';

const SIZE = 50;
const VIEWS = ['all', 'active', 'waiting', 'failed', 'mine'] as const;
type View = (typeof VIEWS)[number];

export default function Jobs() {
  const group = useGroup();
  const me = useMe();
  const [query, setQuery] = useSearchParams();
  const [typed, type] = useState(query.get('search') ?? '');
  const search = useDebounced(typed, 250);
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const view: View = VIEWS.find((v) => v === query.get('view')) ?? 'all';
  const put = (changes: Record<string, string | null>) => setQuery((before) => {
    const next = new URLSearchParams(before);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') next.delete(name);
      else next.set(name, value);
    }
    return next;
  }, { replace: true });
  useEffect(() => {
    if (search !== (query.get('search') ?? '')) put({ search, page: null });
    // only what was typed is put into the address; the address itself changes nothing here
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [search]);

  const filter = filterOf(view, me.name, search);
  const jobs = useQuery(ask.jobs(group.group, page, SIZE, filter));
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`/g/${group.group}/jobs/new`}>{t.jobs.create}</LinkButton>;
  const filtered = view !== 'all' || search !== '';
  return (
    <Page title={t.shell.jobs} actions={make}>
      <div className="filters">
        <Input allowClear prefix={<Search size={14} aria-hidden />} placeholder={t.jobs.search} aria-label={t.jobs.search} value={typed} onChange={(event) => type(event.target.value)} />
        <div className="views" role="group" aria-label={t.jobs.views}>
          {VIEWS.map((v) => <button key={v} type="button" aria-pressed={view === v} onClick={() => put({ view: v === 'all' ? null : v, page: null })}>{t.jobs.view[v]}</button>)}
        </div>
      </div>
      {jobs.error ? <Failure error={jobs.error} what={t.jobs.failed} unaffected={t.jobs.unaffected} onRetry={() => void jobs.refetch()} />
        : jobs.data?.total === 0
          ? filtered ? <Empty title={t.jobs.nothing} action={<Button onClick={() => {
            type('');
            put({ view: null, search: null, page: null });
          }}>{t.jobs.clear}</Button>} />
            : <Empty title={t.jobs.none} action={make}>{t.jobs.noneWhy}</Empty>
          : <Table jobs={jobs.data?.items} />}
      {jobs.data && jobs.data.total > SIZE && (
        <nav className="pager" aria-label={t.shell.jobs}>
          <span>{t.notebook.pastTotal((page - 1) * SIZE + 1, Math.min(page * SIZE, jobs.data.total), count(jobs.data.total))}</span>
          <Button size="small" disabled={page === 1} onClick={() => put({ page: page > 2 ? String(page - 1) : null })}>{t.notebook.newer}</Button>
          <Button size="small" disabled={page * SIZE >= jobs.data.total} onClick={() => put({ page: String(page + 1) })}>{t.notebook.older}</Button>
        </nav>
      )}
    </Page>
  );
}

function filterOf(view: View, me: string, search: string): JobFilter {
  const views: Record<View, JobFilter> = {
    all: {}, active: { active: true }, waiting: { phase: 'PENDING' }, failed: { phase: 'FAILED' }, mine: { user: me },
  };
  return search === '' ? views[view] : { ...views[view], search };
}

function Table({ jobs }: { jobs: readonly Job[] | undefined }) {
  const now = useNow(1000);
  const columns = t.jobs.columns;
  return (
    <>
      <div className="scroll onSheet">
        <table className="sheet cards">
          <thead>
            <tr>
              <th scope="col">{columns.state}</th><th scope="col">{columns.name}</th><th scope="col" className="r">{columns.took}</th><th scope="col">{columns.user}</th>
              <th scope="col">{columns.type}</th><th scope="col">{columns.image}</th><th scope="col">{columns.submitted}</th><th scope="col"><span className="sr">{columns.actions}</span></th>
            </tr>
          </thead>
          <tbody>
            {jobs?.map((job) => {
              const time = took(job, now);
              return (
                <tr key={job.id}>
                  <td><Status state={job.phase} note={noteOf(job)} /></td>
                  <td className="name"><Link className="strong" to={`/g/${job.group}/jobs/${job.id}`}>{job.name}</Link>{job.schedule_name && <span className="chip after">{job.schedule_name}</span>}</td>
                  <td className="r soft" title={job.started_at ? exact(job.started_at) : undefined}>{time === null ? '–' : watch(time)}</td>
                  <td><Who name={job.user} /></td>
                  <td className="soft">{job.instance_type}</td>
                  <td className="soft">{job.image}</td>
                  <td className="soft"><Ago at={job.created_at} /></td>
                  <td className="r"><RowActions job={job} /></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {!jobs && <Waiting><div style={{ padding: '8px 16px' }}><Bones rows={8} widths={[90]} /></div></Waiting>}
    </>
  );
}
