import { useQuery } from '@tanstack/react-query';
import { Button, Select } from 'antd';
import { CircleAlert, X } from 'lucide-react';
import { admin } from '../../../api/admin';
import { Field } from '../../../parts/Field';
import { SwitchField } from '../../../parts/form/fields';
import type { Fields, Words } from '../../../parts/form/form';
import { Section } from '../../../parts/form/FormPage';
import { t } from '../../../text';
import { a } from '../../../text/admin';

const words = a.access;
export type Groups = { all_groups: boolean; groups: string[] };
export type VolumeGroups = { all_groups: boolean; groups: { group: string; writable: boolean }[] };

const onOff = (value: boolean) => (value ? t.notebook.facts.on : t.notebook.facts.off);
export const accessLabels: Words<Groups> = { all_groups: { label: words.all, show: onOff }, groups: { label: words.groups, show: (value) => value.join(', ') || a.list.noGroups } };
export const volumeLabels: Words<VolumeGroups> = {
  all_groups: { label: words.all, show: onOff },
  groups: { label: words.groups, show: (value) => value.map((g) => (g.writable ? `${g.group} (${words.writable.toLowerCase()})` : g.group)).join(', ') || a.list.noGroups },
};

/** The groups to choose from; `missing` says where they could not be loaded, lest somebody take that for none. */
function useGroupOptions() {
  const { data, isError, refetch } = useQuery(admin.overview());
  const options = (data?.groups ?? []).map((g) => ({ value: g.group, label: g.display_name && g.display_name !== g.group ? `${g.display_name} (${g.group})` : g.group }));
  const missing = isError && !data && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{a.groups.failed}. <button type="button" className="linkish" onClick={() => void refetch()}>{t.error.tryNow}</button></p>;
  return { options, missing };
}

/** Some groups by their names. */
export function GroupsField({ label, help, value, onChange, error }: { label: string; help?: string; value: string[]; onChange: (groups: string[]) => void; error?: string | undefined }) {
  const { options, missing } = useGroupOptions();
  return (
    <Field label={label} help={help} error={error}>
      {(ids) => <><Select {...ids} status={error ? 'error' : undefined} mode="multiple" style={{ width: '100%' }} placeholder={words.choose} value={value} onChange={(groups: string[]) => onChange([...groups].sort())} options={options} showSearch={{ optionFilterProp: 'label' }} />{missing}</>}
    </Field>
  );
}

/** One group by its name. */
export function GroupField({ label, help, value, onChange, error, empty }: { label: string; help?: string; value: string; onChange: (group: string) => void; error?: string | undefined; empty?: string }) {
  const { options, missing } = useGroupOptions();
  return (
    <Field label={label} help={help} error={error}>
      {(ids) => <><Select {...ids} style={{ width: '100%' }} placeholder={words.chooseOne} value={value === '' && empty === undefined ? null : value} status={error ? 'error' : undefined} onChange={(group: string | null) => onChange(group ?? '')}
        options={empty === undefined ? options : [{ value: '', label: empty }, ...options]} showSearch={{ optionFilterProp: 'label' }} />{missing}</>}
    </Field>
  );
}

/** All groups, or some. */
export function AccessSection<T extends Groups>({ form }: { form: Fields<T> }) {
  const fields = form as unknown as Fields<Groups>;
  return (
    <Section title={words.title} why={words.why}>
      <SwitchField form={fields} name="all_groups" help={words.allHelp} />
      {!fields.draft.all_groups && <GroupsField label={words.groups} help={fields.draft.groups.length === 0 ? words.nobody : ''} value={fields.draft.groups} error={fields.error('groups')} onChange={(groups) => fields.set({ groups })} />}
    </Section>
  );
}

/** As above, with who may write. */
export function VolumeAccess<T extends VolumeGroups>({ form, writable }: { form: Fields<T>; writable: boolean }) {
  const fields = form as unknown as Fields<VolumeGroups>;
  const { options, missing } = useGroupOptions();
  const { all_groups: all, groups } = fields.draft;
  const set = (next: VolumeGroups['groups']) => fields.set({ groups: [...next].sort((x, y) => x.group.localeCompare(y.group)) });
  const named = (group: string) => options.find((o) => o.value === group)?.label ?? group;
  return (
    <Section title={words.title} why={words.why}>
      <SwitchField form={fields} name="all_groups" help={all && writable ? words.writableAll : words.allHelp} />
      {(!all || writable) && (
        <div className="field">
          <Field label={words.groups} error={fields.error('groups')} help={groups.length === 0 && !all ? words.nobody : ''}>
            {(ids) => <><Select {...ids} value={null} style={{ width: '100%' }} placeholder={words.add} options={options.filter((o) => !groups.some((g) => g.group === o.value))} showSearch={{ optionFilterProp: 'label' }}
              onChange={(group: string | null) => group && set([...groups, { group, writable: all }])} />{missing}</>}
          </Field>
          <ul className="people given">
            {groups.map((g) => (
              <li key={g.group}>
                <span>{named(g.group)}</span>
                <Select size="small" aria-label={`${named(g.group)}: ${words.writable}`} disabled={!writable} value={g.writable} popupMatchSelectWidth={false} onChange={(on: boolean) => set(groups.map((x) => (x.group === g.group ? { ...x, writable: on } : x)))}
                  options={[{ value: false, label: words.readOnly }, { value: true, label: words.writable }]} />
                <Button size="small" type="text" aria-label={t.form.remove(named(g.group))} icon={<X size={14} aria-hidden />} onClick={() => set(groups.filter((x) => x.group !== g.group))} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}

/** In lists: for whom it is. */
export const For = ({ all, n }: { all: boolean; n: number }) => (all ? <>{a.list.allGroups}</> : n === 0 ? <span className="muted">{a.list.noGroups}</span> : <>{a.list.groups(n)}</>);
