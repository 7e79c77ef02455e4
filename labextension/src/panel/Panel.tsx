import { useState } from 'react';
import { stem } from '../lib/format';
import type { Platform } from '../platform';
import { useNow, useSignal, useTexts } from '../react';
import { JobItem, type JobActions } from './JobItem';
import type { JobsModel } from './model';
import { Schedules, type ScheduleActions } from './Schedules';

export interface PanelProps {
  model: JobsModel;
  platform: Platform;
  actions: JobActions & ScheduleActions & { submit: () => void };
  /** Path of the notebook that is in front; empty where none is. */
  current: () => string;
  /** Id of the job that was submitted last. */
  latest: () => string;
}

/** The person's jobs in the group, as they are now. */
export function Panel({ model, platform, actions, current, latest }: PanelProps) {
  const t = useTexts();
  useSignal(model.changed);
  useSignal(platform.changed);
  const now = useNow(1_000);
  const [only, setOnly] = useState(false);
  const { jobs, problem, schedules } = model;
  const path = current();
  const items = (jobs?.items ?? []).filter((job) => !only || path === '' || job.notebook?.path === path);
  const recurring = (schedules ?? []).filter((one) => !only || path === '' || one.job.notebook?.path === path);
  const context = platform.context;
  return (
    <div className="jp-PrimeHub-panel">
      <div className="jp-PrimeHub-head">
        <h2>{t.panel.jobs}</h2>
        {context?.group != null && <span className="jp-PrimeHub-muted">{t.panel.in(context.group.name)}</span>}
        {context !== null && context.jobs_url !== '' && <a href={context.jobs_url} target="_blank" rel="noreferrer">{t.panel.portal}</a>}
        {path !== '' && (jobs?.items.length ?? 0) > 0 && (
          <label className="jp-PrimeHub-only"><input type="checkbox" checked={only} onChange={(e) => setOnly(e.currentTarget.checked)} />{t.panel.onlyThis(stem(path))}</label>
        )}
      </div>
      {problem !== null && (
        <div role="alert" className="jp-PrimeHub-alert">
          <p><strong>{t.panel.failed}</strong></p>
          <p>{problem.status === 0 ? t.notices.unreachable : problem.message} {t.panel.unaffected}</p>
          <button type="button" className="jp-mod-styled" onClick={() => void model.refresh()}>{t.panel.again}</button>
        </div>
      )}
      {jobs === null && problem === null && <p role="status" className="jp-PrimeHub-muted">{t.panel.loading}</p>}
      {jobs !== null && items.length === 0 && (
        <div className="jp-PrimeHub-empty">
          <p><strong>{only && jobs.items.length > 0 ? t.panel.emptyHere : t.panel.empty}</strong></p>
          <p className="jp-PrimeHub-muted">{t.panel.emptyWhy}</p>
          {path !== '' && <button type="button" className="jp-mod-styled jp-mod-accept" onClick={actions.submit}>{t.commands.submit}</button>}
        </div>
      )}
      {items.length > 0 && (
        <ul className="jp-PrimeHub-list" aria-label={t.panel.jobs}>
          {items.map((job) => <JobItem key={job.id} job={job} client={model.client} actions={actions} now={now} isNew={job.id === latest()} />)}
        </ul>
      )}
      {jobs !== null && jobs.total > jobs.items.length && !only && context !== null && (
        <p><a href={context.jobs_url} target="_blank" rel="noreferrer">{t.panel.more(jobs.total - jobs.items.length)}</a></p>
      )}
      {recurring.length > 0 && <Schedules schedules={recurring} actions={actions} />}
      {model.schedulesProblem !== null && schedules === null && <p role="alert" className="jp-PrimeHub-fault">{t.schedule.failed}</p>}
      <div className="jp-PrimeHub-hidden" role="status">{model.last === null ? '' : t.job.changed(model.last.name || model.last.id, t.job.phases[model.last.phase])}</div>
    </div>
  );
}
