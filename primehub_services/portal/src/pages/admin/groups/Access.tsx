import { Button, Select } from 'antd';
import { X } from 'lucide-react';
import { Field } from '../../../parts/Field';
import { some, type ImageUpdate, type InstanceTypeUpdate, type VolumeUpdate } from '../../../api/admin';
import { api, body } from '../../../api/client';
import type { Fields, Words } from '../../../parts/form/form';
import { Section } from '../../../parts/form/FormPage';
import { a } from '../../../text/admin';
import type { Writing } from './draft';
import type { Catalog } from './GroupEdit';

const words = a.groups;

/** By name, so that what others give or take away meanwhile is followed. */
type Given = Record<string, true>;
/** What the group was given by name; what is for all groups is not here. */
export type AccessDraft = { types: Given; images: Given; volumes: Record<string, Writing> };

const given = (slugs: readonly string[]): Given => Object.fromEntries([...slugs].sort().map((slug) => [slug, true]));

export const accessOf = (catalog: Catalog, group: string): AccessDraft => ({
  types: given(catalog.types.filter((x) => !x.all_groups && x.groups.includes(group)).map((x) => x.slug)),
  images: given(catalog.images.filter((x) => x.group === null && !x.all_groups && x.groups.includes(group)).map((x) => x.slug)),
  volumes: Object.fromEntries(catalog.volumes.flatMap((x) => x.groups.filter((g) => g.group === group).map((g) => [x.slug, g.writable ? 'write' : 'read'] as const)).sort()),
});

const listed = (slugs: readonly string[]) => slugs.join(', ') || a.list.none;
export const accessLabels: Words<AccessDraft> = {
  types: { label: words.types, show: (value) => listed(Object.keys(value).sort()) },
  images: { label: words.images, show: (value) => listed(Object.keys(value).sort()) },
  volumes: { label: words.volumes, show: (value) => listed(Object.entries(value).map(([slug, how]) => (how === 'write' ? `${slug} (${a.access.writable.toLowerCase()})` : slug))) },
};

const flipped = (groups: readonly string[], group: string, on: boolean) => (on ? [...groups, group] : groups.filter((g) => g !== group));

/** Each thing keeps its own list of groups: every one that is given or taken away is saved by itself. */
export async function saveAccess(catalog: Catalog, group: string, draft: AccessDraft) {
  const before = accessOf(catalog, group);
  for (const type of catalog.types) {
    const on = type.slug in draft.types;
    if (!type.all_groups && on !== type.slug in before.types) {
      await body(api.PATCH('/instance-types/{instance_type}', { params: { path: { instance_type: type.slug } }, body: some<InstanceTypeUpdate>({ version: type.version, groups: flipped(type.groups, group, on) }) }));
    }
  }
  for (const image of catalog.images) {
    const on = image.slug in draft.images;
    if (image.group === null && !image.all_groups && on !== image.slug in before.images) {
      await body(api.PATCH('/images/{image}', { params: { path: { image: image.slug } }, body: some<ImageUpdate>({ version: image.version, groups: flipped(image.groups, group, on) }) }));
    }
  }
  for (const volume of catalog.volumes) {
    const how = draft.volumes[volume.slug];
    if (how !== before.volumes[volume.slug]) {
      const others = volume.groups.filter((g) => g.group !== group);
      await body(api.PATCH('/volumes/{volume}', { params: { path: { volume: volume.slug } }, body: some<VolumeUpdate>({ version: volume.version, groups: how ? [...others, { group, writable: how === 'write' }] : others }) }));
    }
  }
}

type Named = { slug: string; name: string; display_name: string };
const shown = (thing: Named) => (thing.display_name && thing.display_name !== thing.name ? `${thing.display_name} (${thing.name})` : thing.name);
const names = (things: readonly Named[]) => things.map((thing) => thing.display_name || thing.name).join(', ');

export function AccessFields<T extends AccessDraft>({ form, catalog, group }: { form: Fields<T>; catalog: Catalog; group: string }) {
  const set = (part: Partial<AccessDraft>) => form.set(part as Partial<T>);
  const { draft } = form;
  const own = catalog.images.filter((image) => image.group === group);
  const system = catalog.images.filter((image) => image.group === null);
  return (
    <Section title={words.access} why={words.accessWhy}>
      <Several label={words.types} placeholder={words.chooseTypes} things={catalog.types} chosen={draft.types} onChange={(types) => set({ types })} />
      <Several label={words.images} placeholder={words.chooseImages} things={system} chosen={draft.images} onChange={(images) => set({ images })} more={own.length > 0 ? words.own(names(own)) : ''} />
      <Volumes catalog={catalog} chosen={draft.volumes} onChange={(volumes) => set({ volumes })} />
    </Section>
  );
}

function Several({ label, placeholder, things, chosen, more = '', onChange }: {
  label: string; placeholder: string; things: readonly (Named & { all_groups: boolean })[]; chosen: Given; more?: string; onChange: (chosen: Given) => void;
}) {
  const everyones = things.filter((thing) => thing.all_groups);
  return (
    <Field label={label} help={[everyones.length > 0 && words.forAllGroups(names(everyones)), more].filter(Boolean).join('. ')}>
      {(ids) => (
        <Select {...ids} mode="multiple" style={{ width: '100%' }} placeholder={placeholder} value={Object.keys(chosen).sort()} onChange={(slugs: string[]) => onChange(given(slugs))} showSearch={{ optionFilterProp: 'label' }}
          options={things.filter((thing) => !thing.all_groups).map((thing) => ({ value: thing.slug, label: shown(thing) }))} />
      )}
    </Field>
  );
}

function Volumes({ catalog, chosen, onChange }: { catalog: Catalog; chosen: Record<string, Writing>; onChange: (volumes: Record<string, Writing>) => void }) {
  const everyones = catalog.volumes.filter((volume) => volume.all_groups);
  const set = (slug: string, how: Writing | null) => onChange(Object.fromEntries([...Object.entries(chosen).filter(([s]) => s !== slug), ...(how ? [[slug, how] as const] : [])].sort()));
  const readOnly = (slug: string) => ['git', 'env'].includes(catalog.volumes.find((v) => v.slug === slug)?.source.type ?? '');
  return (
    <div className="field">
      <Field label={words.volumes} help={everyones.length > 0 ? words.forAllGroups(names(everyones)) : ''}>
        {(ids) => (
          <Select {...ids} value={null} style={{ width: '100%' }} placeholder={words.chooseVolumes} onChange={(slug: string | null) => slug && set(slug, 'read')} showSearch={{ optionFilterProp: 'label' }}
            options={catalog.volumes.filter((v) => !(v.slug in chosen)).map((v) => ({ value: v.slug, label: shown(v) }))} />
        )}
      </Field>
      <ul className="people given">
        {Object.entries(chosen).map(([slug, how]) => (
          <li key={slug}>
            <span>{shown(catalog.volumes.find((v) => v.slug === slug) ?? { slug, name: slug, display_name: '' })}</span>
            <Select size="small" aria-label={`${slug}: ${a.access.writable}`} value={how} disabled={readOnly(slug)} onChange={(next: Writing) => set(slug, next)} popupMatchSelectWidth={false}
              options={[{ value: 'read', label: a.access.readOnly }, { value: 'write', label: a.access.writable }]} />
            <Button size="small" type="text" aria-label={words.removeThis(slug)} icon={<X size={14} aria-hidden />} onClick={() => set(slug, null)} />
          </li>
        ))}
      </ul>
    </div>
  );
}
