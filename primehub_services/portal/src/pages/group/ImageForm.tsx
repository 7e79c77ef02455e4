import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Radio } from 'antd';
import { CircleAlert, RotateCw } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Image } from '../../api/types';
import { useGroup, useMe } from '../../lib/session';
import { Confirm } from '../../parts/form/Confirm';
import { SelectField, TextField } from '../../parts/form/fields';
import { useForm, type Fields } from '../../parts/form/form';
import { FormPage, Section } from '../../parts/form/FormPage';
import { UNASKED } from '../../parts/form/Leaving';
import { offered } from '../../parts/form/offered';
import { LogView } from '../../parts/LogView';
import { buildLog } from '../../parts/log';
import { Bones, Failure, NoPermission, Page, Waiting } from '../../parts/page';
import { Status } from '../../parts/Status';
import { NotFound } from '../../shell/Wholes';
import { t } from '../../text';
import { g } from '../../text/groups';
import { SOURCE, check, draftOf, labels, nothing, sourceOf, type Draft } from './image-draft';
import { noteOf } from './Images';

const words = g.images;

/** A new image of the group, or one that is there: with its build's log, live while it is built. */
export default function ImageForm() {
  const group = useGroup();
  const me = useMe();
  const { image = '' } = useParams();
  const one = useQuery({ ...ask.image(image), enabled: image !== '' });
  const crumbs = { to: `/g/${group.group}/images`, text: words.title };
  if (!me.platform_admin && group.role !== 'admin') return <Page title={words.title}><NoPermission title={t.groupAdmin.only}>{t.groupAdmin.why(me.name)}</NoPermission></Page>;
  if (image === '') return <Page crumbs={crumbs} title={words.newTitle} lead={words.newLead}><Create /></Page>;
  if ((one.error && asProblem(one.error).status === 404) || (one.data && one.data.group !== group.group)) return <NotFound />;
  if (!one.data) return <Page crumbs={crumbs} title={words.title}>{one.error ? <Failure error={one.error} what={words.failedOne} unaffected={words.unaffected} onRetry={() => void one.refetch()} /> : <Waiting><Bones rows={8} /></Waiting>}</Page>;
  return <Page crumbs={crumbs} title={one.data.display_name || one.data.name} status={<Status state={one.data.phase} note={noteOf(one.data)} big announce />}><Edit key={image} image={one.data} /></Page>;
}

function Create() {
  const group = useGroup();
  const go = useNavigate();
  const queries = useQueryClient();
  const form = useForm<Draft, Image>({
    saved: nothing, words: labels, check, creating: true,
    save: (draft) => body(api.POST('/images', { body: { name: draft.name.trim(), display_name: draft.display_name, description: draft.description, kind: draft.kind, group: group.group, all_groups: false, groups: [], source: sourceOf(draft) } })),
    onSaved: (image) => {
      void queries.invalidateQueries({ queryKey: ['images'] });
      void go(`/g/${group.group}/images/${image.slug}`);
    },
  });
  return <FormPage form={form} go={words.make}><ImageFields form={form} /></FormPage>;
}

function Edit({ image }: { image: Image }) {
  const queries = useQueryClient();
  const saved = useMemo(() => draftOf(image), [image]);
  const form = useForm<Draft, unknown>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      const plain = Object.fromEntries(changed.filter((key) => !SOURCE.includes(key)).map((key) => [key, draft[key]]));
      const source = changed.some((key) => SOURCE.includes(key)) ? { source: sourceOf(draft) } : {};
      try {
        await body(api.PATCH('/images/{image}', { params: { path: { image: image.slug } }, body: { ...plain, ...source, version: image.version } as never }));
      } finally {
        await queries.invalidateQueries({ queryKey: ['images'] });
      }
    },
  });
  return <FormPage form={form} effects={words.effects} after={<><Build image={image} /><Delete image={image} /></>}><ImageFields form={form} /></FormPage>;
}

function ImageFields({ form }: { form: Fields<Draft> }) {
  const me = useMe();
  const { data: engine } = useQuery(ask.engine());
  const { draft, set } = form; // only platform admins may name a path of the machine
  return (
    <>
      <Section title={words.basics}>
        {form.creating && <TextField form={form} name="name" help={words.nameHelp} max={63} />}
        <TextField form={form} name="display_name" optional max={100} />
        <TextField form={form} name="description" help={words.descriptionHelp} optional max={200} />
        <div className="field"><span className="label">{words.kind}</span>
          <Radio.Group aria-label={words.kind} value={draft.kind} onChange={({ target }: { target: { value?: Draft['kind'] } }) => set({ kind: target.value! })} options={(['both', 'cpu', 'gpu'] as const).map((value) => ({ value, label: words.kinds[value] }))} />
        </div>
      </Section>
      <Section title={words.what} why={words.whatWhy}>
        {draft.type === 'given' ? <p className="small">{words.given}</p> : (
          <>
            <div className="field"><span className="label">{words.type}</span>
              <Radio.Group aria-label={words.type} value={draft.type} onChange={({ target }: { target: { value?: Draft['type'] } }) => set({ type: target.value! })} options={offered(['packages', 'container'], words.types, (type) => !engine || type === draft.type || engine.images.includes(type === 'container' ? type : 'environment'), (type) => (type === 'container' ? words.notOnMachine : words.notOnCluster))} />
              {form.error('type') && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{form.error('type')}</p>}
            </div>
            {draft.type === 'packages' ? <><TextField form={form} name="packages" help={words.packagesHelp} lines={5} mono max={20_000} />{(me.platform_admin || draft.base !== '') && <TextField form={form} name="base" help={words.baseHelp} optional mono max={1000} />}</>
              : <><TextField form={form} name="url" help={words.urlHelp} mono max={500} /><TextField form={form} name="url_gpu" help={words.urlGpuHelp} optional mono max={500} /><PullSecret form={form} /></>}
          </>
        )}
      </Section>
    </>
  );
}

/** Those that a platform admin shares with the group; the one that is named stays to be seen when it is not shared any more. */
function PullSecret({ form }: { form: Fields<Draft> }) {
  const { group } = useGroup();
  const { data: secrets = [] } = useQuery(ask.pullSecrets(group));
  const named = form.draft.pull_secret;
  const shared = secrets.map((secret) => ({ value: secret.slug, label: `${secret.name} (${secret.registry})` }));
  const others = named === '' || shared.some((secret) => secret.value === named) ? [] : [{ value: named, label: named }];
  return <SelectField form={form} name="pull_secret" help={words.pullHelp} optional options={[{ value: '', label: words.pullNone }, ...shared, ...others]} />;
}

function Build({ image }: { image: Image }) {
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () => body(api.POST('/images/{image}/rebuild', { params: { path: { image: image.slug } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['images'] }),
  });
  if (image.source.type === 'container' || image.source.prefix !== null) return null;
  const making = image.phase === 'PENDING' || image.phase === 'BUILDING';
  return (
    <Section title={words.build} why={words.rebuildWhy}>
      <div className="saveRow">
        <Button icon={<RotateCw size={14} aria-hidden />} disabled={making} loading={again.isPending} onClick={() => again.mutate()}>{words.rebuild}</Button>
        <span className={image.phase === 'FAILED' ? 'bad small' : 'small'} role="status">{image.message}</span>
      </div>
      {again.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(again.error).message}</p>}
      <div className="buildLog"><LogView source={buildLog(image)} ended={!making} /></div>
    </Section>
  );
}

function Delete({ image }: { image: Image }) {
  const go = useNavigate();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const remove = useMutation({
    mutationFn: () => api.DELETE('/images/{image}', { params: { path: { image: image.slug } } }),
    onSuccess: () => {
      void go(`/g/${image.group}/images`, UNASKED);
      return queries.invalidateQueries({ queryKey: ['images'] });
    },
  });
  return (
    <Section title={words.deleteGo} why={words.deleteWhy}>
      <div><Button danger onClick={() => setOpen(true)}>{words.delete}</Button></div>
      <Confirm open={open} title={words.deleteTitle(image.name)} name={image.name} go={words.deleteGo} keep={words.keep} pending={remove.isPending} error={remove.error} onGo={() => remove.mutate()} onClose={() => setOpen(false)}>{words.deleteLose}</Confirm>
    </Section>
  );
}
