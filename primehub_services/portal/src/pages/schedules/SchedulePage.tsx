import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Pause, Pencil, Play, Trash2, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { Link, Navigate, useParams } from 'react-router';
import { asProblem } from '../../api/client';
import { ask } from '../../api/queries';
import type { Firing, Schedule } from '../../api/types';
import { label } from '../../launch/fit';
import { exact } from '../../lib/format';
import { useGroup } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Pager } from '../../parts/list/Pager';
import { Ago, Bones, Empty, Facts, Failure, Page, Panel, Waiting, Who } from '../../parts/page';
import { Status } from '../../parts/Status';
import { NotFound } from '../../shell/Wholes';
import { t } from '../../text';
import { noteOf } from '../jobs/words';
import { useScheduleActions } from './actions';
import { detailOf, due, nextRun, outcomeOf } from './words';

export default function SchedulePage() {
  const group = useGroup();
  const { id = '' } = useParams();
  const one = useQuery(ask.schedule(id));
  const crumbs = { to: `/g/${group.group}/recurring-jobs`, text: t.shell.schedules };
  if (one.error && asProblem(one.error).status === 404) return <NotFound />;
  if (!one.data) {
    return (
      <Page crumbs={crumbs} title={t.shell.schedules}>
        {one.error ? <Panel><Failure error={one.error} what={t.schedules.failedOne} onRetry={() => void one.refetch()} /></Panel> : <Waiting><Bones rows={8} /></Waiting>}
      </Page>
    );
  }
  if (one.data.group !== group.group) return <Navigate replace to={`/g/${one.data.group}/recurring-jobs/${id}`} />;
  return <One schedule={one.data} crumbs={crumbs} />;
}

function One({ schedule, crumbs }: { schedule: Schedule; crumbs: { to: string; text: string } }) {
  const { may, act, busy, dialog, wrong } = useScheduleActions(schedule);
  const group = useGroup();
  const { data: options } = useQuery(ask.launchOptions(group.group));
  const named = (things: readonly { slug: string; name: string; display_name: string }[] | undefined, slug: string) => {
    const found = things?.find((thing) => thing.slug === slug);
    return found ? label(found) : slug;
  };
  return (
    <Page crumbs={crumbs} title={schedule.name} lead={`${schedule.reading}, ${schedule.timezone}`}
      actions={may && (
        <>
          <Button danger icon={<Trash2 size={14} aria-hidden />} onClick={() => act('delete')}>{t.schedules.delete}</Button>
          <LinkButton icon={<Pencil size={14} aria-hidden />} to={`/g/${group.group}/recurring-jobs/${schedule.id}/edit`}>{t.schedules.edit}</LinkButton>
          {schedule.paused ? <Button icon={<Play size={14} aria-hidden />} onClick={() => act('resume')}>{t.schedules.resume}</Button>
            : <Button icon={<Pause size={14} aria-hidden />} onClick={() => act('pause')}>{t.schedules.pause}</Button>}
          <Button type="primary" loading={busy} icon={<Play size={14} aria-hidden />} onClick={() => act('run')}>{t.schedules.run}</Button>
        </>
      )}>
      {wrong}
      {schedule.paused && <p className="hint" role="status"><TriangleAlert size={14} aria-hidden />{schedule.pause_reason ? t.schedules.pausedBy(schedule.pause_reason) : t.schedules.pausedByPerson}</p>}
      <div className="withRail">
        <div className="formCol">
          <History schedule={schedule} />
          <Jobs schedule={schedule} />
        </div>
        <aside className="rail">
          <Panel title={t.jobs.overview}>
            <Facts rows={[
              [t.schedules.columns.next, nextRun(schedule)], [t.schedules.cron, <code key="c">{schedule.cron}</code>], [t.schedules.columns.user, <Who key="u" name={schedule.user} />],
              [t.jobs.facts.type, named(options?.instance_types, schedule.job.instance_type)], [t.jobs.facts.image, named(options?.images, schedule.job.image)], [t.schedules.overlap, t.schedules.overlaps[schedule.overlap]],
            ]} />
            {schedule.job.notebook ? <p className="small">{schedule.job.notebook.path}{schedule.snapshot_at && `. ${t.schedules.snapshot(exact(schedule.snapshot_at))}`}</p>
              : <pre className="command" tabIndex={0}>{schedule.job.command}</pre>}
          </Panel>
        </aside>
      </div>
      {dialog}
    </Page>
  );
}

const PAGE = 20;

function History({ schedule }: { schedule: Schedule }) {
  const [page, turn] = useState(1);
  const firings = useQuery(ask.firings(schedule.id, page, PAGE));
  return (
    <Panel title={t.schedules.history} className="flush">
      {firings.error && !firings.data ? <Failure error={firings.error} what={t.schedules.failedOne} onRetry={() => void firings.refetch()} />
        : !firings.data ? <Waiting><div style={{ padding: '0 16px' }}><Bones rows={4} /></div></Waiting>
          : firings.data.total === 0 ? <Empty title={t.schedules.historyNone}>{t.schedules.historyNoneWhy}</Empty>
            : <Firings schedule={schedule} items={firings.data.items} />}
      <Pager label={t.schedules.history} page={page} total={firings.data?.total} stale={firings.isPlaceholderData} size={PAGE} onTurn={turn} />
    </Panel>
  );
}

function Firings({ schedule, items }: { schedule: Schedule; items: readonly Firing[] }) {
  const columns = t.schedules.firingColumns;
  return (
    <div className="scroll">
      <table className="sheet firings">
        <thead><tr><th scope="col">{columns.due}</th><th scope="col">{columns.outcome}</th><th scope="col">{columns.job}</th><th scope="col">{columns.state}</th></tr></thead>
        <tbody>
          {items.map((firing) => (
            <tr key={firing.id}>
              <td title={exact(firing.instant)}>{due(firing.instant, schedule.timezone)}</td>
              <td className="wrap">{outcomeOf(firing)} <span className="muted">{detailOf(firing, schedule.timezone)}</span></td>
              <td>{firing.job ? <Link to={`/g/${schedule.group}/jobs/${firing.job}`}><code>{firing.job}</code></Link> : <span className="muted">–</span>}</td>
              <td>{firing.phase ? <Status state={firing.phase} /> : <span className="muted">–</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Jobs({ schedule }: { schedule: Schedule }) {
  const [page, turn] = useState(1);
  const jobs = useQuery(ask.jobs(schedule.group, page, PAGE, { schedule: schedule.id }));
  if (jobs.error && !jobs.data) return <Panel title={t.schedules.jobs}><Failure error={jobs.error} what={t.jobs.failed} onRetry={() => void jobs.refetch()} /></Panel>;
  if (!jobs.data || jobs.data.total === 0) return null;
  return (
    <Panel title={t.schedules.jobs}>
      <ul className="feed">
        {jobs.data.items.map((job) => (
          <li key={job.id}>
            <Link to={`/g/${job.group}/jobs/${job.id}`}>{job.name}</Link>
            <Ago at={job.created_at} />
            <Status state={job.phase} note={noteOf(job)} />
          </li>
        ))}
      </ul>
      <Pager label={t.schedules.jobs} page={page} total={jobs.data.total} stale={jobs.isPlaceholderData} size={PAGE} onTurn={turn} />
    </Panel>
  );
}
