import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Checkbox } from 'antd';
import { useMemo, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { admin, some, type Account, type AccountCreated, type AccountUpdate, type Membership } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { ask } from '../../../api/queries';
import { memory } from '../../../lib/format';
import { useMe } from '../../../lib/session';
import { NumberField, SwitchField, TextField } from '../../../parts/form/fields';
import { useForm, type Fields, type Words } from '../../../parts/form/form';
import { FormPage, Section } from '../../../parts/form/FormPage';
import { Bones, Empty, Failure, Page, Waiting } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { GroupsField } from '../parts/Access';
import { EditPage } from '../parts/EditPage';
import { Leave } from './Leave';
import { EMAIL } from './links';
import { MadeLink } from './MadeLink';
import { SignIn } from './SignIn';
import { State } from './Users';

const words = a.users;
type Role = 'member' | 'admin';
type Draft = { name: string; display_name: string; email: string; platform_admin: boolean; volume_capacity: number | null; groups: Record<string, Role>; send: boolean };
const empty: Draft = { name: '', display_name: '', email: '', platform_admin: false, volume_capacity: null, groups: {}, send: false };
const labels: Words<Draft> = {
  name: { label: words.name }, display_name: { label: words.displayName }, email: { label: words.email },
  platform_admin: { label: words.platformAdmin, show: (on) => (on ? t.notebook.facts.on : t.notebook.facts.off) },
  volume_capacity: { label: words.capacity, show: (value) => (value === null ? t.form.asPlatform('') : memory(value)) }, groups: { label: words.groups }, send: { label: words.sendThere },
};
const check = (draft: Draft) => ({ name: draft.name.trim() === '' ? t.form.needed : undefined, email: !EMAIL.test(draft.email) ? words.emailBad : draft.send && draft.email === '' ? words.emailNeeded : undefined });

function UserFields({ form }: { form: Fields<Draft> }) {
  const { data: settings } = useQuery(ask.settings());
  const { data: mail } = useQuery({ ...admin.email(), enabled: form.creating });
  const { groups } = form.draft;
  return (
    <>
      <Section title={words.basics}>
        {form.creating && <TextField form={form} name="name" help={words.nameHelp} max={63} />}
        <TextField form={form} name="display_name" help={words.displayNameHelp} optional max={100} />
        <TextField form={form} name="email" help={words.emailHelp} optional max={254} />
        {form.creating && mail?.available && <SwitchField form={form} name="send" help={words.sendThereHelp} />}
      </Section>
      <Section title={words.groups} why={words.groupsWhy}>
        <GroupsField label={words.groups} value={Object.keys(groups)} error={form.error('groups')} onChange={(slugs) => form.set({ groups: Object.fromEntries(slugs.map((slug) => [slug, groups[slug] ?? 'member'])) })} />
        {!form.creating && Object.keys(groups).length > 0 && (
          <div className="checks">
            {Object.keys(groups).sort().map((slug) => <Checkbox key={slug} checked={groups[slug] === 'admin'} onChange={({ target }) => form.set({ groups: { ...groups, [slug]: target.checked ? 'admin' : 'member' } })}>{words.asAdmin(slug)}</Checkbox>)}
          </div>
        )}
      </Section>
      <Section title={words.rights} why={words.rightsWhy}>
        <SwitchField form={form} name="platform_admin" help={words.adminHelp} />
        {!form.creating && <NumberField form={form} name="volume_capacity" unit={t.form.units.gib} min={1} optional help={words.capacityHelp(settings?.default_volume_capacity ?? 20)} />}
      </Section>
    </>
  );
}

export function NewUser() {
  if (useMe().local_accounts) return <NewLocalUser />;
  return <Page crumbs={{ to: '/admin/users', text: words.title }} title={words.newTitle}><Empty title={words.noPasswords}>{words.noneByProvider}</Empty></Page>;
}

function NewLocalUser() {
  const queries = useQueryClient();
  const go = useNavigate();
  const [made, setMade] = useState<AccountCreated | null>(null);
  const form = useForm<Draft, AccountCreated>({
    saved: empty, words: labels, check, creating: true,
    save: ({ name, display_name, email, platform_admin, groups, send }) => body(api.POST('/users', { body: { name: name.trim(), display_name, email, platform_admin, groups: Object.keys(groups), send } })),
    onSaved: (created) => {
      setMade(created);
      void queries.invalidateQueries({ queryKey: ['users'] });
    },
  });
  return (
    <Page crumbs={{ to: '/admin/users', text: words.title }} title={words.newTitle} lead={words.newLead}>
      <FormPage form={form} go={words.create} effects={form.draft.send ? words.createSends : words.createEffects}><UserFields form={form} /></FormPage>
      {made && <MadeLink title={words.linkMade} made={made} onClose={() => void go(`/admin/users/${made.account.name}`)} />}
    </Page>
  );
}

export function UserEdit() {
  const { id = '' } = useParams();
  const user = useQuery(admin.user(id));
  const memberships = useQuery(admin.memberships(id));
  return (
    <EditPage query={user} up="/admin/users" words={words} status={(found) => !found.enabled && <State user={found} />}>
      {(found) => (memberships.data ? <Edit key={id} user={found} memberships={memberships.data} />
        : memberships.error ? <Failure error={memberships.error} what={words.groupsFailed} unaffected={a.list.unaffected} onRetry={() => void memberships.refetch()} /> : <Waiting><Bones rows={8} widths={[60]} /></Waiting>)}
    </EditPage>
  );
}

function Edit({ user, memberships }: { user: Account; memberships: readonly Membership[] }) {
  const queries = useQueryClient();
  const saved = useMemo<Draft>(() => ({
    name: user.name, display_name: user.display_name, email: user.email, platform_admin: user.platform_admin, volume_capacity: user.volume_capacity, groups: Object.fromEntries(memberships.map((m) => [m.group, m.role])), send: false,
  }), [user, memberships]);
  const form = useForm<Draft, unknown>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      try {
        const own = changed.filter((key) => key !== 'groups');
        if (own.length > 0) {
          const fields = Object.fromEntries(own.map((key) => [key, draft[key]]));
          await body(api.PATCH('/users/{user}', { params: { path: { user: user.name } }, body: some<AccountUpdate>({ ...fields, version: user.version }) }));
        }
        await saveGroups(user.name, saved.groups, draft.groups);
      } finally {
        await Promise.all([['users'], ['memberships', user.name], ['members']].map((queryKey) => queries.invalidateQueries({ queryKey })));
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects} details={{ groups: <GroupChanges saved={saved.groups} draft={form.draft.groups} /> }} after={<><SignIn user={user} /><Leave user={user} /></>}>
      <UserFields form={form} />
    </FormPage>
  );
}

async function saveGroups(user: string, saved: Record<string, Role>, draft: Record<string, Role>) {
  for (const [group, role] of Object.entries(draft)) {
    if (saved[group] !== role) await body(api.PUT('/groups/{group}/members/{user}', { params: { path: { group, user } }, body: { role } }));
  }
  for (const group of Object.keys(saved)) {
    if (!(group in draft)) await api.DELETE('/groups/{group}/members/{user}', { params: { path: { group, user } } });
  }
}

function GroupChanges({ saved, draft }: { saved: Record<string, Role>; draft: Record<string, Role> }) {
  const word = (role: Role | undefined) => (role === 'admin' ? a.groups.groupAdmin : a.groups.member).toLowerCase();
  const lines = [
    ...Object.keys(draft).filter((group) => !(group in saved)).map((group) => words.joins(group)),
    ...Object.keys(draft).filter((group) => draft[group] !== (saved[group] ?? 'member')).map((group) => words.becomes(group, word(draft[group]))),
    ...Object.keys(saved).filter((group) => !(group in draft)).map((group) => words.leavesGroup(group)),
  ];
  return <>{lines.map((line) => <span key={line}>{line}</span>)}</>;
}
