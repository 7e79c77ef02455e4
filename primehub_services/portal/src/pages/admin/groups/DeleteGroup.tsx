import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { admin, type Group } from '../../../api/admin';
import { api } from '../../../api/client';
import { Confirm } from '../../../parts/form/Confirm';
import { Section } from '../../../parts/form/FormPage';
import { UNASKED } from '../../../parts/form/Leaving';
import { a } from '../../../text/admin';

const words = a.groups;

/** At the end of the page, with what is lost counted before and in the question. */
export function DeleteGroup({ group }: { group: Group }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const [asked, ask] = useState(false);
  const { data: losses, isError: unknown } = useQuery({ ...admin.losses(group.slug), refetchInterval: asked ? 5_000 : false });
  const remove = useMutation({
    mutationFn: () => api.DELETE('/groups/{group}', { params: { path: { group: group.slug } } }),
    onSuccess: () => {
      queries.removeQueries({ queryKey: ['groups', 'one', group.slug] });
      void queries.invalidateQueries({ queryKey: ['groups', 'list'] });
      void go('/admin/groups', UNASKED);
    },
  });
  const lines = losses && words.lost({ ...losses, records: losses.job_records, volume: losses.shared_volume });
  const list = !lines ? unknown && <p>{words.lostUnknown}</p> : (lines.length === 0 ? <p>{words.lostNothing}</p> : <ul className="helps first">{lines.map((line) => <li key={line}>{line}</li>)}</ul>);
  return (
    <Section title={words.deleteTitle} why={words.deleteLead}>
      <div className="deleteRow"><div className="small">{list || '–'}</div><Button danger onClick={() => ask(true)}>{words.delete}</Button></div>
      <Confirm open={asked} title={words.deleteAsk(group.display_name || group.name)} name={group.name} go={words.deleteGo} keep={words.deleteKeep} pending={remove.isPending} error={remove.error}
        onGo={() => remove.mutate()} onClose={() => ask(false)}>
        <p>{words.deleteLead}</p>{list}
      </Confirm>
    </Section>
  );
}
