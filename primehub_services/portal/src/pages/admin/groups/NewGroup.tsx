import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { some } from '../../../api/admin';
import { api, body } from '../../../api/client';
import type { components } from '../../../api/schema';
import { useForm } from '../../../parts/form/form';
import { FormPage } from '../../../parts/form/FormPage';
import { Page } from '../../../parts/page';
import { a } from '../../../text/admin';
import { check, fieldsOf, labels, newDraft, type GroupDraft } from './draft';
import { GroupFields } from './GroupFields';

const words = a.groups;

export default function NewGroup() {
  const queries = useQueryClient();
  const go = useNavigate();
  const form = useForm<GroupDraft, components['schemas']['Group']>({
    saved: newDraft, words: labels, check, creating: true,
    save: (draft) => body(api.POST('/groups', {
      body: some<components['schemas']['GroupCreate']>({ ...fieldsOf(draft, Object.keys(newDraft) as (keyof GroupDraft)[]), name: draft.name.trim() }),
    })),
    onSaved: (group) => {
      void queries.invalidateQueries({ queryKey: ['groups'] });
      void go(`/admin/groups/${group.slug}`);
    },
  });
  return (
    <Page crumbs={{ to: '/admin/groups', text: words.title }} title={words.newTitle} lead={words.newLead}>
      <FormPage form={form} go={words.createGo} effects={words.createEffects}><GroupFields form={form} slug={null} /></FormPage>
    </Page>
  );
}
