import type { Job } from '../../api/types';
import { useNow } from '../../lib/clock';
import { duration, exact, moment } from '../../lib/format';
import { t } from '../../text';
import { ended, timeline } from './words';

/** The job's phases, as wide as they are long (within reason): solid is now, pale is past, dashed is to come. */
export function Timeline({ job }: { job: Job }) {
  const now = useNow(ended(job) ? 3_600_000 : 1000);
  const parts = timeline(job, now);
  return (
    <ol className="stages line" aria-label={t.jobs.timeline}>
      {parts.map(({ phase, from, to, state }) => (
        <li key={phase} className={state} style={{ flexGrow: Math.max(1, Math.sqrt((to - from) / 1000)) }} title={exact(new Date(from).toISOString())}>
          <b>{phase === 'LEFT' ? t.jobs.left : t.state[phase]} <span className="muted">{duration((to - from) / 1000)}</span></b>
          <i aria-hidden className={state === 'now' ? 'full' : undefined} />
          <small>{phase === 'LEFT' ? t.jobs.endsBy(moment(new Date(to).toISOString(), now)) : moment(new Date(from).toISOString(), now)}</small>
        </li>
      ))}
    </ol>
  );
}
