import { useState } from 'react';
import type { Client } from '../client';
import { about, between, duration } from '../lib/format';
import { useTexts } from '../react';
import type { Job } from '../types';
import { Log } from './Log';
import { isFinal } from './model';
import { State } from './State';

export interface JobActions {
  open: (job: Job) => Promise<void>;
  cancel: (job: Job) => Promise<void>;
  rerun: (job: Job) => Promise<void>;
  /** The job's page in the portal. */
  page: (job: Job) => string;
}

/** One job: where it is, how far, why; and what can be done with it. */
export function JobItem({ job, client, actions, now, isNew }: { job: Job; client: Client; actions: JobActions; now: number; isNew: boolean }) {
  const t = useTexts();
  const [log, setLog] = useState(false);
  const [busy, setBusy] = useState('');
  const final = isFinal(job);
  const act = (what: string, action: () => Promise<void>) => () => {
    setBusy(what);
    void action().finally(() => setBusy(''));
  };
  // what never started has neither a log nor a result
  const ran = job.started_at !== null;
  const name = job.name || job.id;
  return (
    <li className={`jp-PrimeHub-job${isNew ? ' jp-mod-new' : ''}`} data-job={job.id} data-phase={job.phase}>
      <div className="jp-PrimeHub-job-head">
        <State phase={job.phase} />
        <strong title={job.notebook?.path ?? job.command}>{name}</strong>
        <small className="jp-PrimeHub-muted">{when(job)}</small>
      </div>
      <p className="jp-PrimeHub-job-state">
        {job.cancel_requested !== null && !final ? t.job.cancelling : t.job.phases[job.phase]}
        {job.phase === 'RUNNING' && job.progress !== null && <> · {t.job.cells(job.progress.done, job.progress.cells)}</>}
        {job.queue !== null && job.phase === 'PENDING' && <> · {t.job.position(job.queue.position, job.queue.of)}{job.queue.kept && `, ${t.job.kept}`}</>}
        {job.schedule !== null && <> · {t.job.recurring(job.schedule_name)}</>}
      </p>
      {job.phase === 'RUNNING' && job.notebook !== null && <Progress job={job} name={name} />}
      <Why job={job} now={now} />
      <div className="jp-PrimeHub-actions">
        {final && ran && job.notebook !== null && (
          <button type="button" className="jp-mod-styled" disabled={busy !== ''} aria-label={t.job.openOf(name)} onClick={act('open', () => actions.open(job))}>
            {job.phase === 'SUCCEEDED' ? t.job.open : t.job.openPartial}
          </button>
        )}
        {!final && job.cancel_requested === null && (
          <button type="button" className="jp-mod-styled" disabled={busy !== ''} aria-label={t.job.cancelOf(name)} onClick={act('cancel', () => actions.cancel(job))}>{t.job.cancel}</button>
        )}
        {ran && <button type="button" className="jp-mod-styled" aria-expanded={log} aria-label={t.job.logOf(name)} onClick={() => setLog(!log)}>{t.job.log}</button>}
        {final && <button type="button" className="jp-mod-styled" disabled={busy !== ''} aria-label={t.job.rerunOf(name)} onClick={act('rerun', () => actions.rerun(job))}>{t.job.rerun}</button>}
        <a href={actions.page(job)} target="_blank" rel="noreferrer" aria-label={t.job.detailsOf(name)}>{t.job.details}</a>
      </div>
      {log && <Log client={client} id={job.id} name={name} live={!final} />}
    </li>
  );

  function when(one: Job): string {
    if (!isFinal(one)) return duration(between(one.started_at ?? one.created_at, now));
    if (one.ended_at === null) return '';
    const seconds = between(one.ended_at, now);
    return seconds < 45 ? t.job.now : t.job.ago(about(seconds));
  }
}

function Progress({ job, name }: { job: Job; name: string }) {
  const t = useTexts();
  const progress = job.progress;
  if (progress === null || progress.cells === 0) return <p className="jp-PrimeHub-muted">{t.job.starting}</p>;
  return (
    <>
      <div className="jp-PrimeHub-bar" role="progressbar" aria-label={t.job.cellsOf(name)} aria-valuemin={0} aria-valuemax={progress.cells} aria-valuenow={progress.done}>
        <div style={{ width: `${(100 * progress.done) / progress.cells}%` }} />
      </div>
      {progress.label !== '' && <p className="jp-PrimeHub-cell" title={progress.label}><code>{progress.label}</code></p>}
    </>
  );
}

function Why({ job, now }: { job: Job; now: number }) {
  const t = useTexts();
  if (job.phase === 'PENDING' && job.queue !== null) {
    const { decision, estimate } = job.queue;
    const holders = decision.reasons.flatMap((reason) => reason.holders).slice(0, 2);
    return (
      <>
        {decision.reasons.slice(0, 2).map((reason) => <p key={reason.message} className="jp-PrimeHub-why">{reason.message}</p>)}
        {holders.map((h) => <p key={`${h.user}${h.amount}${h.since}`} className="jp-PrimeHub-muted">{t.answer.held(h.user ?? t.answer.somebody, t.answer.kinds[h.kind] ?? h.kind, h.amount)}</p>)}
        {estimate !== null && <p className="jp-PrimeHub-muted">{t.job.estimate(about(Math.max(0, -between(estimate, now))))}</p>}
      </>
    );
  }
  if (job.phase === 'SUCCEEDED') {
    const took = job.started_at !== null && job.ended_at !== null ? t.job.took(duration(between(job.started_at, job.ended_at))) : '';
    return <p className="jp-PrimeHub-muted">{took}{job.placed !== null && <>{took && ' · '}<span title={job.placed}>{t.job.placed(job.placed.slice(job.placed.lastIndexOf('/') + 1))}</span></>}</p>;
  }
  if (job.message === '' || job.phase === 'RUNNING') return null;
  return <p className="jp-PrimeHub-why">{job.message}</p>;
}
