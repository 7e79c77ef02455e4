import { useState } from 'react';
import { moment } from '../lib/format';
import { useTexts } from '../react';
import type { Schedule } from '../types';

export interface ScheduleActions {
  /** Let it run the notebook as it is now. */
  update: (schedule: Schedule) => Promise<void>;
  /** Where it can be run now, paused and edited. */
  page: (schedule: Schedule) => string;
}

/** The person's recurring notebooks. */
export function Schedules({ schedules, actions }: { schedules: readonly Schedule[]; actions: ScheduleActions }) {
  const t = useTexts();
  return (
    <section aria-label={t.schedule.title}>
      <h3>{t.schedule.title}</h3>
      <ul className="jp-PrimeHub-list">
        {schedules.map((schedule) => <One key={schedule.id} schedule={schedule} actions={actions} />)}
      </ul>
    </section>
  );
}

function One({ schedule, actions }: { schedule: Schedule; actions: ScheduleActions }) {
  const t = useTexts();
  const [busy, setBusy] = useState(false);
  const update = () => {
    setBusy(true);
    void actions.update(schedule).finally(() => setBusy(false));
  };
  return (
    <li className="jp-PrimeHub-job" data-schedule={schedule.id}>
      <div className="jp-PrimeHub-job-head">
        <strong title={schedule.job.notebook?.path}>{schedule.name}</strong>
        {schedule.paused && <small className="jp-PrimeHub-badge">{t.schedule.paused}</small>}
      </div>
      <p className="jp-PrimeHub-job-state">{schedule.reading}<span className="jp-PrimeHub-muted"> · {schedule.timezone}</span></p>
      {!schedule.paused && schedule.next_at !== null && <p className="jp-PrimeHub-muted">{t.schedule.next(moment(schedule.next_at, schedule.timezone))}</p>}
      {schedule.paused && schedule.pause_reason !== '' && <p className="jp-PrimeHub-why">{schedule.pause_reason}</p>}
      {schedule.differs === true && (
        <p className="jp-PrimeHub-why">{schedule.snapshot_at === null ? t.schedule.differs : t.schedule.differsFrom(moment(schedule.snapshot_at))}</p>
      )}
      <div className="jp-PrimeHub-actions">
        {schedule.differs === true && <button type="button" className="jp-mod-styled" disabled={busy} aria-label={t.schedule.updateOf(schedule.name)} onClick={update}>{t.schedule.update}</button>}
        <a href={actions.page(schedule)} target="_blank" rel="noreferrer" aria-label={t.schedule.editOf(schedule.name)}>{t.schedule.edit}</a>
      </div>
    </li>
  );
}
