import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Radio } from 'antd';
import { useMemo, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { admin, some, type Secret, type SecretUpdate } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { Field } from '../../../parts/Field';
import { TextField } from '../../../parts/form/fields';
import { useForm, type Errors, type Fields, type Words } from '../../../parts/form/form';
import { FormPage, Section } from '../../../parts/form/FormPage';
import { Ago, Page } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { GroupField, GroupsField } from '../parts/Access';
import { DeleteThing } from '../parts/DeleteThing';
import { EditPage } from '../parts/EditPage';
import { ownerOf } from './Secrets';

const words = a.secrets;
type Kind = Secret['kind'];
/** `value` is empty until one is written: there is none to begin with that could be read. */
type Draft = { name: string; display_name: string; kind: Kind; registry: string; username: string; value: string; group: string; groups: string[] };
const empty: Draft = { name: '', display_name: '', kind: 'pull', registry: '', username: '', value: '', group: '', groups: [] };
const labels: Words<Draft> = {
  name: { label: words.name }, display_name: { label: words.displayName }, kind: { label: words.kind, show: (kind) => words.kinds[kind] ?? kind }, registry: { label: words.registry }, username: { label: words.username },
  value: { label: words.value, show: (value) => (value === '' ? words.unchanged : words.replaced) }, group: { label: words.group }, groups: { label: words.sharing, show: (groups) => groups.join(', ') || a.list.noGroups },
};

const checkOf = (creating: boolean) => (draft: Draft): Errors<Draft> => ({
  name: draft.name.trim() === '' ? t.form.needed : undefined,
  registry: draft.kind === 'pull' && draft.registry.trim() === '' ? words.needed : undefined,
  username: draft.kind === 'pull' && draft.username.trim() === '' ? words.needed : undefined,
  value: creating && draft.value === '' ? words.needed : undefined,
  group: creating && draft.kind === 'env' && draft.group === '' ? words.groupNeeded : undefined,
});

function ValueField({ form }: { form: Fields<Draft> }) {
  const { draft, set } = form;
  return (
    <Field label={words.values[draft.kind]!} help={words.valueHelp} error={form.error('value')}>
      {(ids) => (draft.kind === 'git'
        ? <Input.TextArea {...ids} className="mono" autoSize={{ minRows: 4, maxRows: 16 }} spellCheck={false} autoComplete="off" value={draft.value} onChange={(event) => set({ value: event.target.value })} />
        : <Input.Password {...ids} className="mono" autoComplete="new-password" value={draft.value} onChange={(event) => set({ value: event.target.value })} />)}
    </Field>
  );
}

function Replace({ form, secret }: { form: Fields<Draft>; secret: Secret }) {
  const [open, setOpen] = useState(false);
  if (!open && form.draft.value === '') return <div className="secret"><span className="gap small">{words.kept}. {words.keptSince} <Ago at={secret.updated_at} /></span><Button onClick={() => setOpen(true)}>{words.replace}</Button></div>;
  return (
    <>
      <ValueField form={form} />
      <span><Button type="text" onClick={() => {
        setOpen(false);
        form.set({ value: '' });
      }}>{words.replaceNot}</Button></span>
    </>
  );
}

function SecretFields({ form, secret }: { form: Fields<Draft>; secret?: Secret }) {
  const { draft, set } = form;
  return (
    <>
      <Section title={words.basics} why={words.kindHelp[draft.kind]}>
        {form.creating && (
          <>
            <div className="field"><span className="label">{words.kind}</span><Radio.Group aria-label={words.kind} value={draft.kind} onChange={(event) => set({ kind: event.target.value as Kind })} options={(['pull', 'git', 'env'] as const).map((value) => ({ value, label: words.kinds[value] }))} /></div>
            <TextField form={form} name="name" max={63} />
          </>
        )}
        <TextField form={form} name="display_name" optional max={100} />
        {form.creating && draft.kind === 'env' && <GroupField label={words.group} help={words.groupHelp} value={draft.group} error={form.error('group')} onChange={(group) => set({ group })} />}
      </Section>
      <Section title={words.value}>
        {draft.kind === 'pull' && <><TextField form={form} name="registry" help={words.registryHelp} mono max={253} /><TextField form={form} name="username" mono max={253} /></>}
        {secret ? <Replace form={form} secret={secret} /> : <ValueField form={form} />}
      </Section>
      {draft.kind !== 'env' && <Section title={words.sharing} why={words.sharingWhy}><GroupsField label={a.access.groups} value={draft.groups} error={form.error('groups')} onChange={(groups) => set({ groups })} /></Section>}
    </>
  );
}

export function NewSecret() {
  const go = useNavigate();
  const queries = useQueryClient();
  const form = useForm<Draft, Secret>({
    saved: empty, words: labels, check: checkOf(true), creating: true,
    save: (draft) => {
      const pull = draft.kind === 'pull';
      return body(api.POST('/secrets', { body: {
        name: draft.name.trim(), display_name: draft.display_name, kind: draft.kind, registry: pull ? draft.registry.trim() : '', username: pull ? draft.username.trim() : '', value: draft.value,
        group: draft.kind === 'env' ? draft.group : null, groups: draft.kind === 'env' ? [] : draft.groups,
      } }));
    },
    onSaved: () => {
      void queries.invalidateQueries({ queryKey: ['secrets'] });
      void go('/admin/secrets');
    },
  });
  return <Page crumbs={{ to: '/admin/secrets', text: words.title }} title={words.newTitle} lead={words.newLead}><FormPage form={form} go={words.create} effects={words.createEffects}><SecretFields form={form} /></FormPage></Page>;
}

export function SecretEdit() {
  const { id = '' } = useParams();
  return <EditPage query={useQuery(admin.secret(id))} up="/admin/secrets" words={words} status={(secret) => <span className="chip">{words.kinds[secret.kind]}, {ownerOf(secret)}</span>}>{(secret) => <Edit key={id} secret={secret} />}</EditPage>;
}

function Edit({ secret }: { secret: Secret }) {
  const queries = useQueryClient();
  const saved = useMemo<Draft>(() => ({ ...empty, name: secret.name, display_name: secret.display_name, kind: secret.kind, registry: secret.registry, username: secret.username, group: secret.group ?? '', groups: secret.groups }), [secret]);
  const form = useForm<Draft, unknown>({
    saved, words: labels, check: checkOf(false),
    save: async (draft, changed) => {
      try {
        await body(api.PATCH('/secrets/{secret}', { params: { path: { secret: secret.slug } }, body: some<SecretUpdate>({ ...Object.fromEntries(changed.map((key) => [key, draft[key]])), version: secret.version }) }));
      } finally {
        await queries.invalidateQueries({ queryKey: ['secrets'] });
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects} after={<DeleteThing words={words} name={secret.name} kind="secrets" to="/admin/secrets" remove={() => api.DELETE('/secrets/{secret}', { params: { path: { secret: secret.slug } } })} />}>
      <SecretFields form={form} secret={secret} />
    </FormPage>
  );
}
