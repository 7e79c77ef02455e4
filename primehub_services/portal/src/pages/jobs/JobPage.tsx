import { useQuery } from '@tanstack/react-query';
import { Button, Select, Tabs } from 'antd';
import { Copy, CopyPlus, Hourglass, RotateCw, Square, Trash2, TriangleAlert } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Link, Navigate, useLocation, useParams, useSearchParams } from 'react-router';
import { asProblem } from '../../api/client';
import { ask } from '../../api/queries';
import type { Job, Me } from '../../api/types';
import { useNow } from '../../lib/clock';
import { duration, exact } from '../../lib/format';
import { summary } from '../../lib/resources';
import { useGroup, useMe } from '../../lib/session';
import { copyText } from '../../lib/copy';
import { LinkButton } from '../../parts/LinkButton';
import { LogView } from '../../parts/LogView';
import { jobLog } from '../../parts/log';
import { Ago, Bones, Empty, Facts, Failure, Page, Panel, Waiting, Who } from '../../parts/page';
import { Status } from '../../parts/Status';
import { NotFound } from '../../shell/Wholes';
import { t } from '../../text';
import { useJobActions } from './actions';
import { Artifacts } from './Artifacts';
import { Definition } from './Definition';
import { LastError } from './LastError';
import { Monitoring } from './Monitoring';
import { isMember, jobPath } from '../../lib/job-paths';
import { Timeline } from './Timeline';
import { Why } from './Why';
import { ended, heldUpBy, noteOf, took } from './words';

export default function JobPage() {
  const group = useGroup();
  return <JobOf group={group.group} up={{ to: `/g/${group.group}/jobs`, text: t.shell.jobs }} />;
}

/** The job of the address, below the list that it stands in: of one group, or of all where none is named. */
export function JobOf({ group, up: crumbs }: { group?: string; up: { to: string; text: string } }) {
  const me = useMe();
  const { id = '' } = useParams();
  const { search } = useLocation();
  const one = useQuery(ask.job(id));
  if (one.error && asProblem(one.error).status === 404) return <NotFound />;
  if (!one.data) {
    return (
      <Page crumbs={crumbs} title={t.shell.jobs}>
        {one.error ? <Panel><Failure error={one.error} what={t.jobs.failedOne} unaffected={t.jobs.unaffected} onRetry={() => void one.refetch()} /></Panel> : <Waiting><Bones rows={8} /></Waiting>}
      </Page>
    );
  }
  // a link may have been put together by hand: what it names has one address
  if (group !== undefined && one.data.group !== group) return <Navigate replace to={`${jobPath(me, one.data.group, id)}${search}`} />;
  return <One job={one.data} crumbs={crumbs} />;
}

function One({ job, crumbs }: { job: Job; crumbs: { to: string; text: string } }) {
  const now = useNow(ended(job) ? 3_600_000 : 1000);
  const { ask: askFor, dialog, mayRun, mayCancel, mayDelete } = useJobActions(job);
  const me = useMe();
  const time = took(job, now);
  const note = noteOf(job) || (time === null ? '' : duration(time));
  const waits = job.phase === 'PENDING' ? job.queue : null;
  const held = heldUpBy(job);
  return (
    <Page crumbs={crumbs} title={job.name} status={<Status state={job.phase} note={note} big announce />}
      actions={(
        <>
          {mayRun && <LinkButton icon={<CopyPlus size={14} aria-hidden />} to={`/g/${job.group}/jobs/new?from=${job.id}`}>{t.jobs.clone}</LinkButton>}
          {mayRun && <Button icon={<RotateCw size={14} aria-hidden />} onClick={() => askFor('rerun')}>{t.jobs.rerun}</Button>}
          {mayCancel && <Button danger icon={<Square size={13} aria-hidden />} onClick={() => askFor('cancel')}>{t.jobs.cancel}</Button>}
          {mayDelete && <Button danger icon={<Trash2 size={14} aria-hidden />} onClick={() => askFor('delete')}>{t.jobs.delete}</Button>}
        </>
      )}>
      {job.phase === 'FAILED' && <div className="hint bad failedWhy"><TriangleAlert size={15} aria-hidden /><div><b role="status">{job.message || noteOf(job)}</b><LastError job={job} /></div></div>}
      <div role="status">{held && <p className="hint held"><Hourglass size={15} aria-hidden /><span>{held}</span></p>}</div>
      <Timeline job={job} />
      <div className="withRail">
        <div className="formCol">
          {waits && <Why job={job} place={waits} />}
          {(!waits || job.attempts.length > 0) && <Results job={job} />}
        </div>
        <aside className="rail"><Panel title={t.jobs.overview}><Facts rows={facts(job, me)} /></Panel></aside>
      </div>
      {dialog}
    </Page>
  );
}

const TABS = ['log', 'artifacts', 'monitoring', 'definition'] as const;

/** What it printed, left and took, of the attempt that is chosen. What is shown is in the address. */
function Results({ job }: { job: Job }) {
  const [query, setQuery] = useSearchParams();
  const box = useRef<HTMLDivElement>(null);
  const { key, state } = useLocation() as { key: string; state: unknown };
  // a link to the log leads to it also where it is below the window
  useEffect(() => {
    if (state === 'log') box.current?.focus();
  }, [key, state]);
  const latest = job.attempts.at(-1)?.number ?? 0;
  const wanted = Number(query.get('attempt') ?? latest);
  const attempt = job.attempts.find((a) => a.number === wanted) ?? job.attempts.at(-1);
  // what is looked at does not change by itself when the job ends
  const [first] = useState(() => (job.phase === 'SUCCEEDED' && job.artifacts.files > 0 ? 'artifacts' as const : 'log' as const));
  const tab = TABS.find((x) => x === query.get('tab')) ?? first;
  const put = (name: string, value: string) => setQuery((before) => {
    before.set(name, value);
    return before;
  }, { replace: true });
  const over = attempt ? attempt.ended_at !== null : ended(job);
  const started = attempt?.started_at != null || over;
  const notYet = <div className="logBox"><Empty title={t.jobs.noLogYet}>{t.jobs.noLogYetWhy}</Empty></div>;
  // why the job failed stands above already
  const failed = attempt?.phase === 'FAILED' && !(job.phase === 'FAILED' && attempt.number === latest) ? attempt : null;
  const tabs = (
    <Tabs activeKey={tab} onChange={(key) => put('tab', key)} destroyOnHidden
      tabBarExtraContent={job.attempts.length > 1 && attempt && (
        <Select size="small" aria-label={t.jobs.attempts} value={attempt.number} onChange={(n) => put('attempt', String(n))} options={job.attempts.map((a) => ({ value: a.number, label: t.jobs.attempt(a.number) }))} />
      )}
      items={[
        { key: 'log', label: t.jobs.tabs.log, children: attempt && started ? <LogView key={attempt.id} source={jobLog(job.id, attempt.number)} ended={over} /> : notYet },
        { key: 'artifacts', label: <>{t.jobs.tabs.artifacts}{job.artifacts.files > 0 && <small> {job.artifacts.files}</small>}</>, children: attempt ? <Artifacts job={job} attempt={attempt.number} live={!over} /> : notYet },
        { key: 'monitoring', label: t.jobs.tabs.monitoring, children: attempt ? <Monitoring job={job} attempt={attempt.number} live={!over} /> : notYet },
        { key: 'definition', label: t.jobs.tabs.definition, children: <Definition job={job} /> },
      ]} />
  );
  return (
    <div ref={box} tabIndex={-1} className="results">
      {failed && <p className="hint bad" role="status"><TriangleAlert size={15} aria-hidden /><span><b>{t.jobs.attempt(failed.number)}</b>: {failed.message || failed.reason}</span></p>}
      {tabs}
    </div>
  );
}

function facts(job: Job, me: Me): [string, React.ReactNode][] {
  const { facts: f } = t.jobs;
  const rows: [string, React.ReactNode][] = [
    [f.id, <span key="id" className="withCopy"><code>{job.id}</code><Button type="text" size="small" aria-label={t.jobs.copyId} icon={<Copy size={13} aria-hidden />} onClick={() => void copyText(job.id)} /></span>],
    [f.user, <Who key="user" name={job.user} />],
    [f.submitted, <Ago key="at" at={job.created_at} />],
    [f.type, `${job.instance_type}: ${summary(job.limits)}`],
    [f.image, job.image],
    [f.limit, job.timeout > 0 ? duration(job.timeout) : f.none],
  ];
  if (job.started_at) rows.push([f.started, exact(job.started_at)]);
  if (job.ended_at) rows.push([f.ended, exact(job.ended_at)]);
  if (job.exit_code !== null) rows.push([f.exit, String(job.exit_code)]);
  if (job.attempts.length > 1) rows.push([f.attempt, String(job.attempts.length)]);
  const member = isMember(me, job.group);
  if (!member) rows.push([f.group, <Link key="g" to={`/admin/groups/${job.group}`}>{job.group}</Link>]);
  if (job.schedule) rows.push([f.schedule, member ? <Link key="s" to={`/g/${job.group}/recurring-jobs/${job.schedule}`}>{job.schedule_name || job.schedule}</Link> : job.schedule_name || job.schedule]);
  if (job.rerun_of) rows.push([f.rerunOf, <Link key="r" to={jobPath(me, job.group, job.rerun_of)}>{job.rerun_of}</Link>]);
  if (job.left_out.length > 0) rows.push([f.leftOut, job.left_out.join(', ')]);
  return rows;
}
