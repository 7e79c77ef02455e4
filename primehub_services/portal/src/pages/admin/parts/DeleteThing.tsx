import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { Confirm } from '../../../parts/form/Confirm';
import { Section } from '../../../parts/form/FormPage';
import { UNASKED } from '../../../parts/form/Leaving';

type Words = { deleteTitle: string; deleteWhy: string; delete: string; deleteAsk: (name: string) => string; deleteGo: string; keep: string };

/** The last section of what can be deleted: what that does, and the question with the name typed. */
export function DeleteThing({ words, name, kind, to, remove }: { words: Words; name: string; kind: string; to: string; remove: () => Promise<unknown> }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const [asked, ask] = useState(false);
  const deleting = useMutation({
    mutationFn: remove,
    onSuccess: () => {
      void go(to, UNASKED);
      void queries.invalidateQueries({ queryKey: [kind, 'list'] });
      void queries.invalidateQueries({ queryKey: ['catalog'] });
    },
  });
  return (
    <Section title={words.deleteTitle}>
      <div className="deleteRow"><p className="small">{words.deleteWhy}</p><Button danger onClick={() => ask(true)}>{words.delete}</Button></div>
      <Confirm open={asked} title={words.deleteAsk(name)} name={name} go={words.deleteGo} keep={words.keep} pending={deleting.isPending} error={deleting.error} onGo={() => deleting.mutate()} onClose={() => ask(false)}>
        <p>{words.deleteWhy}</p>
      </Confirm>
    </Section>
  );
}
