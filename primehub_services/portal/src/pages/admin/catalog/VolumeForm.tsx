import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Radio } from 'antd';
import { useMemo } from 'react';
import { useNavigate, useParams } from 'react-router';
import { admin, some, type Volume, type VolumeCreate, type VolumeUpdate } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { ask } from '../../../api/queries';
import { Field } from '../../../parts/Field';
import { NumberField, SelectField, SwitchField, TextField } from '../../../parts/form/fields';
import { useForm, type Errors, type Fields, type Words } from '../../../parts/form/form';
import { FormPage, Section } from '../../../parts/form/FormPage';
import { offered } from '../../../parts/form/offered';
import { Page, Panel } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { VolumeAccess, volumeLabels, type VolumeGroups } from '../parts/Access';
import { Basics, changesOf } from '../parts/Basics';
import { DeleteThing } from '../parts/DeleteThing';
import { EditPage } from '../parts/EditPage';
import { pairErrors, Pairs } from '../parts/Pairs';
import { Bind, Content } from './Volumes';

const words = a.volumes;
type Kind = Volume['source']['type'];
type Draft = VolumeGroups & {
  name: string; display_name: string; description: string; kind: Kind; capacity: number | null; claim: string; server: string; path: string; url: string; ref: string; secret: string;
  variables: [string, string][]; launch_group_only: boolean;
};
const empty: Draft = { name: '', display_name: '', description: '', kind: 'pvc', capacity: null, claim: '', server: '', path: '', url: '', ref: '', secret: '', variables: [], launch_group_only: true, all_groups: false, groups: [] };

function draftOf(volume: Volume): Draft {
  const { source } = volume;
  const plain: Draft = { ...empty, name: volume.name, display_name: volume.display_name, description: volume.description, kind: source.type, launch_group_only: volume.launch_group_only, all_groups: volume.all_groups, groups: volume.groups };
  switch (source.type) {
    case 'pvc': return { ...plain, capacity: source.capacity, claim: source.claim ?? '' };
    case 'nfs': return { ...plain, server: source.server, path: source.path };
    case 'hostPath': return { ...plain, path: source.path };
    case 'git': return { ...plain, url: source.url, ref: source.ref, secret: source.secret ?? '' };
    case 'env': return { ...plain, variables: Object.entries(source.variables) };
  }
}

function sourceOf(draft: Draft): VolumeCreate['source'] {
  switch (draft.kind) {
    case 'pvc': return { type: 'pvc', capacity: draft.capacity, claim: draft.claim.trim() || null };
    case 'nfs': return { type: 'nfs', server: draft.server.trim(), path: draft.path.trim() };
    case 'hostPath': return { type: 'hostPath', path: draft.path.trim() };
    case 'git': return { type: 'git', url: draft.url.trim(), ref: draft.ref.trim(), secret: draft.secret || null };
    case 'env': return { type: 'env', variables: Object.fromEntries(draft.variables.filter(([key]) => key !== '')) };
  }
}

const labels: Words<Draft> = {
  ...volumeLabels, name: { label: words.name }, display_name: { label: words.displayName }, description: { label: words.description }, kind: { label: words.kind, show: (kind) => words.kinds[kind] ?? kind, field: 'source.type' },
  capacity: { label: words.capacity, field: 'source.capacity', show: (n) => (n === null ? words.noSize : words.gib(n)) }, claim: { label: words.claim, field: 'source.claim' }, server: { label: words.server, field: 'source.server' },
  path: { label: words.path, field: 'source.path' }, url: { label: words.url, field: 'source.url' }, ref: { label: words.ref, field: 'source.ref' }, secret: { label: words.secret, field: 'source.secret' },
  variables: { label: words.variables, field: 'source.variables', show: (pairs) => words.variableCount(pairs.length) },
  launch_group_only: { label: words.launchOnly, show: (on) => (on ? t.notebook.facts.on : t.notebook.facts.off) },
};

function check(draft: Draft): Errors<Draft> {
  const needs = (kinds: Kind[], text: string) => (kinds.includes(draft.kind) && text.trim() === '' ? words.needed : undefined);
  return { name: draft.name.trim() === '' ? t.form.needed : undefined, server: needs(['nfs'], draft.server), path: needs(['nfs', 'hostPath'], draft.path), url: needs(['git'], draft.url), variables: draft.kind === 'env' ? pairErrors(draft.variables).find(Boolean) : undefined };
}

function VolumeFields({ form }: { form: Fields<Draft> }) {
  const { data: secrets } = useQuery(admin.allSecrets());
  const { data: engine } = useQuery(ask.engine());
  const { draft, set } = form;
  return (
    <>
      <Basics form={form} title={words.basics} nameHelp={words.nameHelp} />
      <Section title={words.source} why={words.kindHelp[draft.kind]}>
        {form.creating && (
          <Field label={words.kind} error={form.error('kind')}>
            {({ id }) => <Radio.Group id={id} vertical aria-label={words.kind} value={draft.kind} onChange={({ target }: { target: { value?: Kind } }) => set({ kind: target.value! })} options={offered(['pvc', 'hostPath', 'git', 'env', 'nfs'], words.kinds, (kind) => !engine || engine.volumes.includes(kind), (kind) => words.notHere[kind] ?? '')} />}
          </Field>
        )}
        {draft.kind === 'pvc' && <NumberField form={form} name="capacity" unit={t.form.units.gib} min={1} optional help={words.capacityHelp} placeholder={words.noSize} />}
        {draft.kind === 'pvc' && form.creating && engine?.existing_claims && <TextField form={form} name="claim" help={words.claimHelp} optional mono max={253} />}
        {draft.kind === 'nfs' && <TextField form={form} name="server" mono max={253} />}
        {(draft.kind === 'nfs' || draft.kind === 'hostPath') && <TextField form={form} name="path" help={words.pathHelp} mono max={1000} />}
        {draft.kind === 'git' && (
          <>
            <TextField form={form} name="url" help={words.urlHelp} mono max={1000} />
            <TextField form={form} name="ref" help={words.refHelp} optional mono />
            <SelectField form={form} name="secret" help={words.secretHelp} optional options={[{ value: '', label: words.noSecret }, ...(secrets ?? []).filter((s) => s.kind === 'git').map((s) => ({ value: s.slug, label: s.name }))]} />
          </>
        )}
        {draft.kind === 'env' && <Pairs label={words.variables} help={words.variablesHelp} pairs={draft.variables} error={form.error('variables')} onChange={(variables) => set({ variables })} />}
        <SwitchField form={form} name="launch_group_only" help={words.launchOnlyHelp} />
      </Section>
      <VolumeAccess form={form} writable={draft.kind !== 'git' && draft.kind !== 'env'} />
    </>
  );
}

export function NewVolume() {
  const go = useNavigate();
  const queries = useQueryClient();
  const form = useForm<Draft, Volume>({
    saved: empty, words: labels, check, creating: true,
    save: (draft) => body(api.POST('/volumes', { body: { name: draft.name.trim(), display_name: draft.display_name, description: draft.description, all_groups: draft.all_groups, groups: draft.groups, launch_group_only: draft.launch_group_only, source: sourceOf(draft) } })),
    onSaved: (volume) => {
      void queries.invalidateQueries({ queryKey: ['volumes'] });
      void go(`/admin/volumes/${volume.slug}`);
    },
  });
  return <Page crumbs={{ to: '/admin/volumes', text: words.title }} title={words.newTitle} lead={words.newLead}><FormPage form={form} go={words.create} effects={words.createEffects}><VolumeFields form={form} /></FormPage></Page>;
}

export function VolumeEdit() {
  const { id = '' } = useParams();
  return <EditPage query={useQuery(admin.volume(id))} up="/admin/volumes" words={words}>{(volume) => <Edit key={id} volume={volume} />}</EditPage>;
}

const PLAIN: readonly (keyof Draft)[] = ['display_name', 'description', 'all_groups', 'groups', 'launch_group_only'];

function Edit({ volume }: { volume: Volume }) {
  const queries = useQueryClient();
  const saved = useMemo(() => draftOf(volume), [volume]);
  const form = useForm<Draft, unknown>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      try {
        await body(api.PATCH('/volumes/{volume}', { params: { path: { volume: volume.slug } }, body: some<VolumeUpdate>({ ...changesOf(draft, changed, PLAIN, sourceOf), version: volume.version }) }));
      } finally {
        await queries.invalidateQueries({ queryKey: ['volumes'] });
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects} rail={<>{(volume.content ?? volume.message) && <Panel>{volume.message && <p className="small warnText">{words.leftOut}: {volume.message}</p>}<Content volume={volume} /></Panel>}<Bind volume={volume} /></>}
      after={<DeleteThing words={words} name={volume.name} kind="volumes" to="/admin/volumes" remove={() => api.DELETE('/volumes/{volume}', { params: { path: { volume: volume.slug } } })} />}>
      <VolumeFields form={form} />
    </FormPage>
  );
}
