import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Radio } from 'antd';
import { useMemo } from 'react';
import { useNavigate, useParams } from 'react-router';
import { admin, some, type Image, type ImageCreate, type ImageUpdate } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { ask } from '../../../api/queries';
import { Field } from '../../../parts/Field';
import { SelectField, TextField } from '../../../parts/form/fields';
import { useForm, type Errors, type Fields, type Words } from '../../../parts/form/form';
import { FormPage, Section } from '../../../parts/form/FormPage';
import { offered } from '../../../parts/form/offered';
import { Page } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { AccessSection, accessLabels, type Groups } from '../parts/Access';
import { Basics, changesOf } from '../parts/Basics';
import { DeleteThing } from '../parts/DeleteThing';
import { EditPage } from '../parts/EditPage';
import { Build } from './Build';
import { Phase } from './Images';

const words = a.images;
type SourceType = 'packages' | 'prefix' | 'container';
type Draft = Groups & { name: string; display_name: string; description: string; kind: Image['kind']; type: SourceType; packages: string; base: string; prefix: string; url: string; url_gpu: string; pull_secret: string };
const empty: Draft = { name: '', display_name: '', description: '', kind: 'both', type: 'packages', packages: 'jupyterlab\n', base: '', prefix: '', url: '', url_gpu: '', pull_secret: '', all_groups: true, groups: [] };

function draftOf(image: Image): Draft {
  const plain = { ...empty, packages: '', name: image.name, display_name: image.display_name, description: image.description, kind: image.kind, all_groups: image.all_groups, groups: image.groups };
  const { source } = image;
  if (source.type === 'container') return { ...plain, type: 'container', url: source.url, url_gpu: source.url_gpu ?? '', pull_secret: source.pull_secret ?? '' };
  return source.prefix ? { ...plain, type: 'prefix', prefix: source.prefix } : { ...plain, type: 'packages', packages: source.packages.join('\n'), base: source.base };
}

const lines = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean);
function sourceOf(draft: Draft): ImageCreate['source'] {
  if (draft.type === 'container') return { type: 'container', url: draft.url.trim(), url_gpu: draft.url_gpu.trim() || null, pull_secret: draft.pull_secret || null };
  return draft.type === 'prefix' ? { type: 'environment', prefix: draft.prefix.trim(), base: '', packages: [] } : { type: 'environment', prefix: null, base: draft.base.trim(), packages: lines(draft.packages) };
}

const labels: Words<Draft> = {
  ...accessLabels, name: { label: words.name }, display_name: { label: words.displayName }, description: { label: words.description }, kind: { label: words.kind, show: (kind) => words.kinds[kind] ?? kind },
  type: { label: words.sourceType, show: (type) => words.sources[type], field: 'source.type' }, packages: { label: words.packagesLabel, show: (text) => lines(text).join(', ') || a.list.none, field: 'source.packages' },
  base: { label: words.base, field: 'source.base' }, prefix: { label: words.prefix, field: 'source.prefix' }, url: { label: words.url, field: 'source.url' },
  url_gpu: { label: words.urlGpu, field: 'source.url_gpu' }, pull_secret: { label: words.pull, field: 'source.pull_secret' },
};

function check(draft: Draft): Errors<Draft> {
  return {
    name: draft.name.trim() === '' ? t.form.needed : undefined,
    packages: draft.type === 'packages' && lines(draft.packages).length === 0 && draft.base === '' ? words.packagesNeeded : undefined,
    prefix: draft.type === 'prefix' && draft.prefix.trim() === '' ? words.sourceNeeded : undefined,
    url: draft.type === 'container' && draft.url.trim() === '' ? words.sourceNeeded : undefined,
  };
}

/** `owned`: a group's own image, which is for that group alone. */
function ImageFields({ form, owned = false }: { form: Fields<Draft>; owned?: boolean }) {
  const { data: secrets } = useQuery(admin.allSecrets());
  const { data: engine } = useQuery(ask.engine());
  const { draft, set } = form;
  return (
    <>
      <Basics form={form} title={words.basics} nameHelp={words.nameHelp} descriptionHelp={words.descriptionHelp}>
        <div className="field"><span className="label">{words.kind}</span><Radio.Group aria-label={words.kind} value={draft.kind} onChange={(event) => set({ kind: event.target.value as Draft['kind'] })} options={(['both', 'cpu', 'gpu'] as const).map((value) => ({ value, label: words.kinds[value] }))} /></div>
      </Basics>
      <Section title={words.source} why={words.sourceWhy}>
        <Field label={words.sourceType} error={form.error('type')}>
          {({ id }) => <Radio.Group id={id} vertical aria-label={words.sourceType} value={draft.type} onChange={({ target }: { target: { value?: SourceType } }) => set({ type: target.value! })} options={offered(Object.keys(words.sources) as SourceType[], words.sources, (type) => !engine || type === draft.type || engine.images.includes(type === 'container' ? type : 'environment'), (type) => (type === 'container' ? words.notOnMachine : words.notOnCluster))} />}
        </Field>
        {draft.type === 'packages' && <><TextField form={form} name="packages" help={words.packagesHelp} lines={5} mono max={20_000} /><TextField form={form} name="base" help={words.baseHelp} optional mono max={1000} /></>}
        {draft.type === 'prefix' && <TextField form={form} name="prefix" help={words.prefixHelp} mono max={1000} />}
        {draft.type === 'container' && (
          <>
            <TextField form={form} name="url" help={words.urlHelp} mono max={500} />
            <TextField form={form} name="url_gpu" help={words.urlGpuHelp} optional mono max={500} />
            <SelectField form={form} name="pull_secret" help={words.pullHelp} optional options={[{ value: '', label: words.noSecret }, ...(secrets ?? []).filter((s) => s.kind === 'pull').map((s) => ({ value: s.slug, label: `${s.name} (${s.registry})` }))]} />
          </>
        )}
      </Section>
      {!owned && <AccessSection form={form} />}
    </>
  );
}

export function NewImage() {
  const go = useNavigate();
  const queries = useQueryClient();
  const form = useForm<Draft, Image>({
    saved: empty, words: labels, check, creating: true,
    save: (draft) => body(api.POST('/images', { body: { name: draft.name.trim(), display_name: draft.display_name, description: draft.description, kind: draft.kind, group: null, all_groups: draft.all_groups, groups: draft.groups, source: sourceOf(draft) } })),
    onSaved: (image) => {
      void queries.invalidateQueries({ queryKey: ['images'] });
      void go(`/admin/images/${image.slug}`);
    },
  });
  return <Page crumbs={{ to: '/admin/images', text: words.title }} title={words.newTitle} lead={words.newLead}><FormPage form={form} go={words.create} effects={words.createEffects}><ImageFields form={form} /></FormPage></Page>;
}

export function ImageEdit() {
  const { id = '' } = useParams();
  return <EditPage query={useQuery(admin.image(id))} up="/admin/images" words={words} status={(image) => <Phase image={image} big />}>{(image) => <Edit key={id} image={image} />}</EditPage>;
}

const PLAIN: readonly (keyof Draft)[] = ['display_name', 'description', 'kind', 'all_groups', 'groups'];

function Edit({ image }: { image: Image }) {
  const queries = useQueryClient();
  const saved = useMemo(() => draftOf(image), [image]);
  const form = useForm<Draft, unknown>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      try {
        await body(api.PATCH('/images/{image}', { params: { path: { image: image.slug } }, body: some<ImageUpdate>({ ...changesOf(draft, changed, PLAIN, sourceOf), version: image.version }) }));
      } finally {
        await queries.invalidateQueries({ queryKey: ['images'] });
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects}
      after={<><Build image={image} /><DeleteThing words={words} name={image.name} kind="images" to="/admin/images" remove={() => api.DELETE('/images/{image}', { params: { path: { image: image.slug } } })} /></>}>
      <ImageFields form={form} owned={image.group !== null} />
    </FormPage>
  );
}
