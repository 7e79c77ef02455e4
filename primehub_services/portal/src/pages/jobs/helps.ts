import type { Job, Me, Reason } from '../../api/types';
import { t } from '../../text';
import { isMember, jobPath } from '../../lib/job-paths';

export type Help = { to: string; text: string };

/** Where one can do what would help a waiting job: what this person may, the nearest first. */
export function helpsFor(job: Pick<Job, 'id' | 'group' | 'user'>, reasons: readonly Reason[], me: Me): Help[] {
  const { helps } = t.jobs;
  const group = `/g/${job.group}`;
  const member = isMember(me, job.group);
  const found: Help[] = [];
  for (const holder of reasons.flatMap((reason) => reason.holders)) {
    if (holder.user !== me.name || holder.name === job.id) continue;
    if (holder.kind === 'notebook' && member) found.push({ to: `${group}/notebooks`, text: helps.notebook });
    else if (holder.kind === 'job' && holder.name) found.push({ to: jobPath(me, job.group, holder.name), text: helps.job(holder.title ?? holder.name) });
  }
  const waits = reasons.some(({ code }) => code === 'quota' || code === 'kept-place');
  const size = waits || reasons.some(({ code }) => code === 'never-fits');
  const ofGroup = reasons.some(({ budget }) => budget === 'user' || budget === 'group');
  if (size && member) found.push({ to: `${group}/jobs/new?from=${job.id}`, text: helps.smaller });
  if (waits && member) found.push({ to: `${group}/queue`, text: helps.queue });
  if (waits && me.platform_admin) found.push({ to: '/admin/usage', text: helps.usage });
  if (ofGroup && me.platform_admin) found.push({ to: `/admin/groups/${job.group}`, text: helps.quota });
  else if (ofGroup && member) found.push({ to: `${group}/settings`, text: helps.limits });
  return found.filter((one, i) => found.findIndex(({ to }) => to === one.to) === i);
}
