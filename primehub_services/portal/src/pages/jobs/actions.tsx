import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Dropdown, Modal } from 'antd';
import { CircleAlert, CopyPlus, Ellipsis, RotateCw, Square, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import type { Job } from '../../api/types';
import { useMe } from '../../lib/session';
import { t } from '../../text';
import { ended } from './words';

type Asked = 'cancel' | 'delete' | 'rerun';

/** What can be done with a job by this person: asked before it is done, and told where it could not be. */
export function useJobActions(job: Job) {
  const me = useMe();
  const queries = useQueryClient();
  const go = useNavigate();
  const [asked, ask] = useState<Asked | null>(null);
  const path = { params: { path: { job: job.id } } };
  const act = useMutation({
    mutationFn: async (what: Asked): Promise<Job | null> => {
      if (what === 'cancel') return body(api.POST('/jobs/{job}/cancel', path));
      if (what === 'rerun') return body(api.POST('/jobs/{job}/rerun', path));
      await api.DELETE('/jobs/{job}', path);
      return null;
    },
    onSuccess: (made, what) => {
      ask(null);
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      if (what === 'rerun' && made) void go(`/g/${made.group}/jobs/${made.id}`);
      if (what === 'delete') void go(`/g/${job.group}/jobs`);
    },
  });
  const admin = me.platform_admin || me.groups.find((g) => g.group === job.group)?.role === 'admin';
  const may = job.user === me.name || admin;
  const words = asked === null ? null : t.jobs.ask[asked];
  const dialog = (
    <Modal open={asked !== null} onCancel={() => ask(null)} title={words?.title(job.name)} width={440} afterClose={act.reset} footer={words && (
      <>
        <Button onClick={() => ask(null)}>{words.keep}</Button>
        <Button type="primary" danger={asked !== 'rerun'} loading={act.isPending} onClick={() => asked && act.mutate(asked)}>{words.go}</Button>
      </>
    )}>
      <p className="small">{words?.lose}</p>
      {act.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(act.error).message}</p>}
    </Modal>
  );
  return { ask, dialog, mayCancel: may && !ended(job) && !job.cancel_requested, mayDelete: may && ended(job) };
}

/** The one action of a row, and the rest. */
export function RowActions({ job }: { job: Job }) {
  const { ask, dialog, mayCancel, mayDelete } = useJobActions(job);
  const go = useNavigate();
  const over = ended(job);
  return (
    <span className="rowActions">
      {mayCancel && <Button type="text" size="small" aria-label={t.jobs.cancelThis(job.name)} title={t.jobs.cancel} icon={<Square size={13} aria-hidden />} onClick={() => ask('cancel')} />}
      {over && <Button type="text" size="small" aria-label={t.jobs.rerunThis(job.name)} title={t.jobs.rerun} icon={<RotateCw size={14} aria-hidden />} onClick={() => ask('rerun')} />}
      <Dropdown trigger={['click']} menu={{
        items: [
          { key: 'clone', label: t.jobs.clone, icon: <CopyPlus size={14} aria-hidden />, onClick: () => void go(`/g/${job.group}/jobs/new?from=${job.id}`) },
          ...(over ? [] : [{ key: 'rerun', label: t.jobs.rerun, icon: <RotateCw size={14} aria-hidden />, onClick: () => ask('rerun') }]),
          ...(mayDelete ? [{ key: 'delete', danger: true, label: t.jobs.delete, icon: <Trash2 size={14} aria-hidden />, onClick: () => ask('delete') }] : []),
        ],
      }}>
        <Button type="text" size="small" aria-label={t.jobs.moreOf(job.name)} icon={<Ellipsis size={15} aria-hidden />} />
      </Dropdown>
      {dialog}
    </span>
  );
}
