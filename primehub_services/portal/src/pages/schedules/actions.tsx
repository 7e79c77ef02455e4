import { useMutation, useQueryClient } from '@tanstack/react-query';
import { CircleAlert, CopyPlus, Pause, Pencil, Play, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import type { Schedule, ScheduleUpdate } from '../../api/types';
import { useMe } from '../../lib/session';
import { Confirm } from '../../parts/form/Confirm';
import { RowButton, RowMenu } from '../../parts/list/RowMenu';
import { t } from '../../text';

type Act = 'run' | 'pause' | 'resume' | 'delete';

/** What this person can do with a recurring job. */
export function useScheduleActions(schedule: Schedule) {
  const me = useMe();
  const queries = useQueryClient();
  const go = useNavigate();
  const { pathname } = useLocation();
  const [asked, ask] = useState(false);
  const path = { params: { path: { schedule: schedule.id } } };
  const act = useMutation({
    mutationFn: async (what: Act) => {
      if (what === 'run') return (await body(api.POST('/schedules/{schedule}/run', path))).id;
      if (what === 'delete') await api.DELETE('/schedules/{schedule}', path);
      else await api.PATCH('/schedules/{schedule}', { ...path, body: { version: schedule.version, paused: what === 'pause' } as ScheduleUpdate });
      return null;
    },
    onSuccess: (job, what) => {
      ask(false);
      void queries.invalidateQueries({ queryKey: ['schedules'] });
      if (job) void go(`/g/${schedule.group}/jobs/${job}`);
      // from a list one stays there, with what one searched for
      if (what === 'delete' && pathname.endsWith(`/${schedule.id}`)) void go(`/g/${schedule.group}/recurring-jobs`);
    },
  });
  const admin = me.platform_admin || me.groups.find((g) => g.group === schedule.group)?.role === 'admin';
  const wrong = act.error ? <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(act.error).message}</p> : null;
  const dialog = (
    <Confirm open={asked} title={t.schedules.deleteTitle(schedule.name)} name={schedule.name} go={t.schedules.deleteGo} keep={t.schedules.keep} pending={act.isPending} error={act.error}
      onGo={() => act.mutate('delete')} onClose={() => ask(false)}>{t.schedules.deleteLose}</Confirm>
  );
  const start = (what: Act) => {
    act.reset();
    if (what === 'delete') ask(true);
    else act.mutate(what);
  };
  return { may: schedule.user === me.name || admin, act: start, busy: act.isPending, dialog, wrong: asked ? null : wrong };
}

export function ScheduleRowActions({ schedule }: { schedule: Schedule }) {
  const { may, act, busy, dialog, wrong } = useScheduleActions(schedule);
  const go = useNavigate();
  const base = `/g/${schedule.group}/recurring-jobs`;
  const clone = { key: 'clone', label: t.schedules.clone, icon: <CopyPlus size={14} aria-hidden />, onClick: () => void go(`${base}/new?from=${schedule.id}`) };
  if (!may) return <span className="rowActions"><RowMenu label={t.schedules.moreOf(schedule.name)} items={() => [clone]} /></span>;
  const rest = () => [
    { key: 'edit', label: t.schedules.edit, icon: <Pencil size={14} aria-hidden />, onClick: () => void go(`${base}/${schedule.id}/edit`) },
    clone,
    schedule.paused
      ? { key: 'resume', label: t.schedules.resume, icon: <Play size={14} aria-hidden />, onClick: () => act('resume') }
      : { key: 'pause', label: t.schedules.pause, icon: <Pause size={14} aria-hidden />, onClick: () => act('pause') },
    { key: 'delete', danger: true, label: t.schedules.delete, icon: <Trash2 size={14} aria-hidden />, onClick: () => act('delete') },
  ];
  return (
    <span className="rowActions">
      <RowButton label={t.schedules.runThis(schedule.name)} title={t.schedules.run} disabled={busy} onClick={() => act('run')}><Play size={14} aria-hidden /></RowButton>
      <RowMenu label={t.schedules.moreOf(schedule.name)} items={rest} />
      {dialog}{wrong}
    </span>
  );
}
