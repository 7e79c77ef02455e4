import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Modal } from 'antd';
import { CircleAlert } from 'lucide-react';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { t } from '../../text';

/** Asks the platform to stop the notebook; the page follows by its phase. */
export function useStop(notebook: Notebook) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => body(api.DELETE('/notebooks/{notebook}', { params: { path: { notebook: notebook.id } } })),
    onSuccess: (stopping) => {
      if (stopping.ended_at === null) queries.setQueryData(ask.activeNotebook(notebook.user).queryKey, stopping);
      return queries.invalidateQueries({ queryKey: ['notebooks'] });
    },
  });
}

export function StopDialog({ notebook, open, onClose }: { notebook: Notebook; open: boolean; onClose: () => void }) {
  const stop = useStop(notebook);
  return (
    <Modal open={open} onCancel={onClose} title={t.notebook.stopAsk} width={440} footer={(
      <>
        <Button onClick={onClose}>{t.notebook.stopKeep}</Button>
        <Button type="primary" danger loading={stop.isPending} onClick={() => stop.mutate(undefined, { onSuccess: onClose })}>{t.notebook.stop}</Button>
      </>
    )}>
      <p className="small">{t.notebook.stopLose}</p>
      {stop.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(stop.error).message}</p>}
    </Modal>
  );
}
