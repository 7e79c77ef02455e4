import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useParams } from 'react-router';
import { admin, some, type Group, type GroupUpdate, type Image, type InstanceType, type Membership, type Volume } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { exact } from '../../../lib/format';
import { useForm, type Words } from '../../../parts/form/form';
import { FormPage } from '../../../parts/form/FormPage';
import { Bones, Failure, Page, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';
import { Gone, isGone } from '../parts/EditPage';
import { AccessFields, accessLabels, accessOf, saveAccess, type AccessDraft } from './Access';
import { DeleteGroup } from './DeleteGroup';
import { check, draftOf, fieldsOf, labels, newDraft, type GroupDraft, type Role } from './draft';
import { GroupFields } from './GroupFields';
import { MemberChanges, MemberFields } from './Members';

const words = a.groups;
type Draft = GroupDraft & AccessDraft & { members: Record<string, Role> };
const allLabels: Words<Draft> = { ...labels, ...accessLabels, members: { label: words.members } };
export type Catalog = { types: InstanceType[]; images: Image[]; volumes: Volume[] };

export default function GroupEdit() {
  const { id = '' } = useParams();
  const group = useQuery(admin.group(id));
  const members = useQuery(admin.members(id));
  const catalog = useQuery(admin.catalog());
  if (isGone(group)) return <Gone name={group.data?.display_name || id} up="/admin/groups" title={words.title} />;
  const failed = [group, members, catalog].filter((query) => query.error && !query.data);
  const made = group.data && a.list.made(group.data.name, exact(group.data.created_at).slice(0, 10));
  return (
    <Page crumbs={{ to: '/admin/groups', text: words.title }} title={group.data?.display_name ?? id} lead={made ? <span title={exact(group.data.created_at)}>{made.before} <code>{made.name}</code>{made.after}</span> : '\u00a0'}>
      {failed[0] ? <Failure error={failed[0].error} what={words.failedOne} unaffected={a.list.unaffected} onRetry={() => void Promise.all(failed.map((query) => query.refetch()))} />
        : group.data && members.data && catalog.data ? <Edit key={id} group={group.data} members={members.data} catalog={catalog.data} />
          : <Waiting><Bones rows={10} widths={[60, 90, 40]} /></Waiting>}
    </Page>
  );
}

function Edit({ group, members, catalog }: { group: Group; members: readonly Membership[]; catalog: Catalog }) {
  const queries = useQueryClient();
  const saved = useMemo<Draft>(() => ({ ...draftOf(group), ...accessOf(catalog, group.slug), members: Object.fromEntries(members.map((m) => [m.user, m.role])) }), [group, catalog, members]);
  const refresh = () => Promise.all([['groups'], ['members'], ['catalog'], ['platform-usage']].map((queryKey) => queries.invalidateQueries({ queryKey })));
  const form = useForm<Draft, unknown>({
    saved, words: allLabels, check: (draft) => check(draft),
    save: async (draft, changed) => {
      try {
        const own = changed.filter((key): key is keyof GroupDraft => key in newDraft);
        if (own.length > 0) {
          await body(api.PATCH('/groups/{group}', { params: { path: { group: group.slug } }, body: some<GroupUpdate>({ ...fieldsOf(draft, own), version: group.version }) }));
        }
        await saveMembers(group.slug, saved.members, draft.members);
        await saveAccess(catalog, group.slug, draft);
      } finally {
        // what was saved before one part was refused is not asked for again
        await refresh();
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects} details={{ members: <MemberChanges saved={saved.members} draft={form.draft.members} /> }} after={<DeleteGroup group={group} />}>
      <GroupFields form={form} slug={group.slug} />
      <MemberFields group={group.slug} members={members} chosen={form.draft.members} onChange={(people) => form.set({ members: people })} />
      <AccessFields form={form} catalog={catalog} group={group.slug} />
    </FormPage>
  );
}

async function saveMembers(group: string, saved: Record<string, Role>, draft: Record<string, Role>) {
  for (const [user, role] of Object.entries(draft)) {
    if (saved[user] !== role) await body(api.PUT('/groups/{group}/members/{user}', { params: { path: { group, user } }, body: { role } }));
  }
  for (const user of Object.keys(saved)) {
    if (!(user in draft)) await api.DELETE('/groups/{group}/members/{user}', { params: { path: { group, user } } });
  }
}

