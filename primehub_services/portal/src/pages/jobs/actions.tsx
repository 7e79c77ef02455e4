import { CopyPlus, RotateCw, Square, Trash2 } from 'lucide-react';
import { Suspense, lazy, useState } from 'react';
import { useNavigate } from 'react-router';
import type { Job } from '../../api/types';
import { useMe } from '../../lib/session';
import { RowButton, RowMenu } from '../../parts/list/RowMenu';
import { t } from '../../text';
import type { Asked } from './JobDialog';
import { isMember } from '../../lib/job-paths';
import { ended } from './words';

// everybody reads lists, few act on a row
const Dialog = lazy(() => import('./JobDialog'));

/** What can be done with a job by this person: asked before it is done. */
export function useJobActions(job: Job) {
  const me = useMe();
  const [asked, ask] = useState<Asked | null>(null);
  const admin = me.platform_admin || me.groups.find((g) => g.group === job.group)?.role === 'admin';
  const may = job.user === me.name || admin;
  const dialog = asked && <Suspense><Dialog key={asked} job={job} what={asked} onClosed={() => ask(null)} /></Suspense>;
  // a platform admin reads and ends the jobs of all groups; to run one takes a member
  return { ask, dialog, mayRun: isMember(me, job.group), mayCancel: may && !ended(job) && !job.cancel_requested, mayDelete: may && ended(job) };
}

/** The one action of a row, and the rest. */
export function RowActions({ job }: { job: Job }) {
  const { ask, dialog, mayRun, mayCancel, mayDelete } = useJobActions(job);
  const go = useNavigate();
  const over = ended(job);
  const rest = () => [
    ...(mayRun ? [{ key: 'clone', label: t.jobs.clone, icon: <CopyPlus size={14} aria-hidden />, onClick: () => void go(`/g/${job.group}/jobs/new?from=${job.id}`) }] : []),
    ...(over || !mayRun ? [] : [{ key: 'rerun', label: t.jobs.rerun, icon: <RotateCw size={14} aria-hidden />, onClick: () => ask('rerun') }]),
    ...(mayDelete ? [{ key: 'delete', danger: true, label: t.jobs.delete, icon: <Trash2 size={14} aria-hidden />, onClick: () => ask('delete') }] : []),
  ];
  return (
    <span className="rowActions">
      {mayCancel && <RowButton label={t.jobs.cancelThis(job.name)} title={t.jobs.cancel} onClick={() => ask('cancel')}><Square size={13} aria-hidden /></RowButton>}
      {over && mayRun && <RowButton label={t.jobs.rerunThis(job.name)} title={t.jobs.rerun} onClick={() => ask('rerun')}><RotateCw size={14} aria-hidden /></RowButton>}
      {(mayRun || mayDelete) && <RowMenu label={t.jobs.moreOf(job.name)} items={rest} />}
      {dialog}
    </span>
  );
}
