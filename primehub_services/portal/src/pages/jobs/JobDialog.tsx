import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Modal } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import type { Job } from '../../api/types';
import { useMe } from '../../lib/session';
import { Confirm } from '../../parts/form/Confirm';
import { t } from '../../text';
import { jobPath } from '../../lib/job-paths';

export type Asked = 'cancel' | 'delete' | 'rerun';

/** Asks before it does something with a job, and says where it could not be done. */
export default function JobDialog({ job, what, onClosed }: { job: Job; what: Asked; onClosed: () => void }) {
  const queries = useQueryClient();
  const me = useMe();
  const go = useNavigate();
  const { pathname } = useLocation();
  const [open, setOpen] = useState(true);
  const path = { params: { path: { job: job.id } } };
  const act = useMutation({
    mutationFn: async (): Promise<Job | null> => {
      if (what === 'cancel') return body(api.POST('/jobs/{job}/cancel', path));
      if (what === 'rerun') return body(api.POST('/jobs/{job}/rerun', path));
      await api.DELETE('/jobs/{job}', path);
      return null;
    },
    onSuccess: (made) => {
      setOpen(false);
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      if (what === 'rerun' && made) void go(jobPath(me, made.group, made.id));
      // from a list one stays there, with what one searched for
      if (what === 'delete' && pathname.endsWith(`/${job.id}`)) void go(pathname.slice(0, -job.id.length - 1));
    },
  });
  const words = t.jobs.ask[what];
  if (what === 'delete') {
    return (
      <Confirm open={open} title={words.title(job.name)} name={job.name} go={words.go} keep={words.keep} pending={act.isPending} error={act.error} onGo={() => act.mutate()} onClose={() => setOpen(false)}
        onClosed={onClosed}>{words.lose}</Confirm>
    );
  }
  return (
    <Modal open={open} onCancel={() => setOpen(false)} title={words.title(job.name)} width={440} afterClose={onClosed} footer={(
      <>
        <Button onClick={() => setOpen(false)}>{words.keep}</Button>
        <Button type="primary" danger={what !== 'rerun'} loading={act.isPending} onClick={() => act.mutate()}>{words.go}</Button>
      </>
    )}>
      <p className="small">{words.lose}</p>
      {act.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(act.error).message}</p>}
    </Modal>
  );
}
