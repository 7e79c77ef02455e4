import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Checkbox } from 'antd';
import { useMemo } from 'react';
import { useNavigate, useParams } from 'react-router';
import { admin, some, type InstanceType, type InstanceTypeUpdate, type Toleration } from '../../../api/admin';
import { api, body } from '../../../api/client';
import { ask } from '../../../api/queries';
import type { components } from '../../../api/schema';
import { bytes, gib } from '../../../lib/format';
import { show } from '../../../lib/resources';
import { NumberField, TextField, TimeoutField, showTimeout } from '../../../parts/form/fields';
import { useForm, type Errors, type Fields, type Words } from '../../../parts/form/form';
import { FormPage, Section } from '../../../parts/form/FormPage';
import { Page } from '../../../parts/page';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { AccessSection, accessLabels, type Groups } from '../parts/Access';
import { DeleteThing } from '../parts/DeleteThing';
import { EditPage } from '../parts/EditPage';
import { Placement } from './Placement';

const words = a.types;
export type Draft = Groups & {
  name: string; display_name: string; description: string; cpu_limit: number | null; memory_limit: number | null; gpu_limit: number | null;
  cpu_request: number | null; memory_request: number | null; idle_timeout: number | null; node_selector: [string, string][]; tolerations: Toleration[]; gpu_resource: string;
};
const empty: Draft = {
  name: '', display_name: '', description: '', cpu_limit: 1, memory_limit: 2, gpu_limit: 0, cpu_request: null, memory_request: null, idle_timeout: null, node_selector: [], tolerations: [],
  gpu_resource: 'nvidia.com/gpu', all_groups: true, groups: [],
};
const inGib = (value: string) => Math.round(gib(value) * 10_000) / 10_000;
const toMemory = (value: number | null) => (value === null ? null : `${Math.round(bytes(value) / 1024 ** 2)}Mi`);
const draftOf = (type: InstanceType): Draft => ({
  ...type, memory_limit: inGib(type.memory_limit), memory_request: type.memory_request === null ? null : inGib(type.memory_request), node_selector: Object.entries(type.node_selector),
});

const labels: Words<Draft> = {
  ...accessLabels,
  name: { label: words.name }, display_name: { label: words.displayName }, description: { label: words.description },
  cpu_limit: { label: words.cpu, show: (n) => show('cpu', n ?? 0) }, memory_limit: { label: words.memory, show: (n) => show('memory', n ?? 0) }, gpu_limit: { label: words.gpu, show: (n) => show('gpu', n ?? 0) },
  cpu_request: { label: words.cpuRequest, show: (n) => (n === null ? words.all : show('cpu', n)) }, memory_request: { label: words.memoryRequest, show: (n) => (n === null ? words.all : show('memory', n)) },
  idle_timeout: { label: words.idle, show: showTimeout }, gpu_resource: { label: words.gpuResource },
  node_selector: { label: words.selector, show: (pairs) => pairs.map(([key, value]) => `${key}=${value}`).join(', ') || a.list.none },
  tolerations: { label: words.tolerations, show: (list) => (list.length === 0 ? a.list.none : words.tolerated(list.length)) },
};

export function check(draft: Draft): Errors<Draft> {
  const wrong: Errors<Draft> = {};
  if (draft.name.trim() === '') wrong.name = t.form.needed;
  if (!draft.cpu_limit || draft.cpu_limit <= 0) wrong.cpu_limit = words.aboveZero;
  if (!draft.memory_limit || draft.memory_limit <= 0) wrong.memory_limit = words.aboveZero;
  if (draft.cpu_request !== null && draft.cpu_request > (draft.cpu_limit ?? 0)) wrong.cpu_request = words.withinLimit(show('cpu', draft.cpu_limit ?? 0));
  if (draft.memory_request !== null && draft.memory_request > (draft.memory_limit ?? 0)) wrong.memory_request = words.withinLimit(show('memory', draft.memory_limit ?? 0));
  return wrong;
}

const sent = (draft: Draft) => ({
  display_name: draft.display_name, description: draft.description, all_groups: draft.all_groups, groups: draft.groups, idle_timeout: draft.idle_timeout, tolerations: draft.tolerations,
  cpu_limit: draft.cpu_limit!, gpu_limit: draft.gpu_limit ?? 0, cpu_request: draft.cpu_request, memory_limit: toMemory(draft.memory_limit)!, memory_request: toMemory(draft.memory_request), gpu_resource: draft.gpu_resource,
  node_selector: Object.fromEntries(draft.node_selector.filter(([key]) => key !== '')),
});

function TypeFields({ form }: { form: Fields<Draft> }) {
  const { data: settings } = useQuery(ask.settings());
  const { draft, set } = form;
  const sure = draft.cpu_request !== null || draft.memory_request !== null;
  return (
    <>
      <Section title={words.basics}>
        {form.creating && <TextField form={form} name="name" help={words.nameHelp} max={63} />}
        <TextField form={form} name="display_name" optional max={100} />
        <TextField form={form} name="description" help={words.descriptionHelp} optional lines={2} max={2000} />
      </Section>
      <Section title={words.size} why={words.sizeWhy}>
        <div className="threeCols">
          <NumberField form={form} name="cpu_limit" unit={t.form.units.cores} />
          <NumberField form={form} name="memory_limit" unit={t.form.units.gib} />
          <NumberField form={form} name="gpu_limit" unit={t.form.units.gpus} />
        </div>
      </Section>
      <Section title={words.sure} why={words.sureWhy}>
        <Checkbox checked={!sure} onChange={({ target }) => set(target.checked ? { cpu_request: null, memory_request: null } : { cpu_request: draft.cpu_limit, memory_request: draft.memory_limit })}>{words.all}</Checkbox>
        {sure && <div className="threeCols"><NumberField form={form} name="cpu_request" unit={t.form.units.cores} /><NumberField form={form} name="memory_request" unit={t.form.units.gib} /></div>}
      </Section>
      <AccessSection form={form} />
      <Section title={words.timeouts}><TimeoutField form={form} name="idle_timeout" platform={settings?.idle_timeout} /></Section>
      <Placement form={form} />
    </>
  );
}

export function NewType() {
  const go = useNavigate();
  const queries = useQueryClient();
  const form = useForm<Draft, InstanceType>({
    saved: empty, words: labels, check, creating: true,
    save: (draft) => body(api.POST('/instance-types', { body: some<components['schemas']['InstanceTypeCreate']>({ ...sent(draft), name: draft.name.trim() }) })),
    onSaved: () => {
      void queries.invalidateQueries({ queryKey: ['instance-types'] });
      void go('/admin/instance-types');
    },
  });
  return <Page crumbs={{ to: '/admin/instance-types', text: words.title }} title={words.newTitle} lead={words.newLead}><FormPage form={form} go={words.create} effects={words.createEffects}><TypeFields form={form} /></FormPage></Page>;
}

export function TypeEdit() {
  const { id = '' } = useParams();
  return <EditPage query={useQuery(admin.type(id))} up="/admin/instance-types" words={words}>{(type) => <Edit key={id} type={type} />}</EditPage>;
}

function Edit({ type }: { type: InstanceType }) {
  const queries = useQueryClient();
  const saved = useMemo(() => draftOf(type), [type]);
  const form = useForm<Draft, unknown>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      const all = sent(draft) as Record<string, unknown>;
      const fields = Object.fromEntries(changed.filter((key) => key in all).map((key) => [key, all[key]]));
      try {
        await body(api.PATCH('/instance-types/{instance_type}', { params: { path: { instance_type: type.slug } }, body: some<InstanceTypeUpdate>({ ...fields, version: type.version }) }));
      } finally {
        await queries.invalidateQueries({ queryKey: ['instance-types'] });
      }
    },
  });
  return (
    <FormPage form={form} effects={words.effects}
      after={<DeleteThing words={words} name={type.name} kind="instance-types" to="/admin/instance-types" remove={() => api.DELETE('/instance-types/{instance_type}', { params: { path: { instance_type: type.slug } } })} />}>
      <TypeFields form={form} />
    </FormPage>
  );
}
