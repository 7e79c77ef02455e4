/** Fields of forms: text, amounts with their unit, times. Each shows its own error from the form. */
import { Checkbox, Input, InputNumber, Radio, Select, Switch } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useId, useState, type ReactNode } from 'react';
import { duration } from '../../lib/format';
import { t } from '../../text';
import { Field } from '../Field';
import type { Fields } from './form';
import './form.css';

type Keys<T, V> = { [K in keyof T]: T[K] extends V ? K : never }[keyof T];

const put = <T extends object>(form: Fields<T>, name: keyof T, value: unknown) => form.set({ [name]: value } as Partial<T>);

export function TextField<T extends object>({ form, name, label, help, optional, lines, mono, max = 200, placeholder }: {
  form: Fields<T>; name: Keys<T, string>; label?: string; help?: string; optional?: boolean; lines?: number; mono?: boolean; max?: number; placeholder?: string;
}) {
  const value = form.draft[name] as string;
  return (
    <Field label={label ?? form.words[name].label} help={help} optional={optional} error={form.error(name)}>
      {(ids) => {
        const all = {
          ...ids, value, maxLength: max, placeholder, className: mono ? 'mono' : undefined, spellCheck: !mono, autoComplete: 'off',
          status: ids['aria-invalid'] ? 'error' as const : undefined,
          onChange: (event: { target: { value: string } }) => put(form, name, event.target.value),
        };
        return lines ? <Input.TextArea {...all} autoSize={{ minRows: lines, maxRows: 24 }} /> : <Input {...all} />;
      }}
    </Field>
  );
}

export function NumberField<T extends object>({ form, name, unit, help, optional, min = 0, step, placeholder }: {
  form: Fields<T>; name: Keys<T, number | null>; unit: string; help?: string; optional?: boolean; min?: number; step?: number; placeholder?: string;
}) {
  return (
    <Field label={form.words[name].label} help={help} optional={optional} error={form.error(name)}>
      {(ids) => <Amount ids={ids} value={form.draft[name] as number | null} unit={unit} min={min} step={step} placeholder={placeholder} onChange={(value) => put(form, name, value)} />}
    </Field>
  );
}

type Ids = { id?: string; 'aria-invalid'?: boolean; 'aria-describedby'?: string | undefined; 'aria-label'?: string };

export function Amount({ ids, value, unit, min = 0, step, disabled, placeholder, onChange }: {
  ids: Ids; value: number | null; unit: string; min?: number; step?: number | undefined; disabled?: boolean; placeholder?: string | undefined; onChange: (value: number | null) => void;
}) {
  return (
    <InputNumber<number> {...ids} className="amountIn" value={Number.isNaN(value) ? null : value} min={min} step={step ?? 1} disabled={disabled} placeholder={placeholder} suffix={unit}
      status={ids['aria-invalid'] ? 'error' : undefined} onChange={(given) => onChange(given)} />
  );
}

/** One of several, by name. */
export function SelectField<T extends object>({ form, name, label, help, optional, options }: {
  form: Fields<T>; name: Keys<T, string>; label?: string; help?: string; optional?: boolean; options: readonly { value: string; label: string }[];
}) {
  return (
    <Field label={label ?? form.words[name].label} help={help} optional={optional} error={form.error(name)}>
      {(ids) => <Select {...ids} status={ids['aria-invalid'] ? 'error' : undefined} value={form.draft[name] as string} options={[...options]} onChange={(value: string) => put(form, name, value)} />}
    </Field>
  );
}

/** An amount, or no limit; NaN where it was emptied, with which no form is saved. */
export function LimitField<T extends object>({ form, name, unit, step }: { form: Fields<T>; name: Keys<T, number | null>; unit: string; step?: number }) {
  const id = useId();
  const value = form.draft[name] as number | null;
  const [last, setLast] = useState(value ?? 1);
  const { label } = form.words[name];
  const error = form.error(name);
  return (
    <div className="limit">
      <div className="amount">
        <Amount ids={{ 'aria-label': label, 'aria-invalid': error !== undefined, 'aria-describedby': error ? id : undefined }} value={value} unit={unit} step={step}
          disabled={value === null} placeholder={t.form.noLimit.toLowerCase()} onChange={(given) => put(form, name, given ?? NaN)} />
        <Checkbox aria-label={`${label}: ${t.form.noLimit}`} checked={value === null} onChange={({ target }) => {
          if (value !== null && !Number.isNaN(value)) setLast(value);
          put(form, name, target.checked ? null : last);
        }}>{t.form.noLimit}</Checkbox>
      </div>
      {error && <p className="err" id={id} role="alert"><CircleAlert size={14} aria-hidden />{error}</p>}
    </div>
  );
}

export function SwitchField<T extends object>({ form, name, help, disabled }: { form: Fields<T>; name: Keys<T, boolean>; help?: ReactNode; disabled?: boolean }) {
  const id = useId();
  return (
    <div className="switchRow">
      <Switch id={id} size="small" disabled={disabled} checked={form.draft[name] as boolean} aria-describedby={help === undefined ? undefined : `${id}-h`} onChange={(checked) => put(form, name, checked)} />
      <span><label htmlFor={id}>{form.words[name].label}</label>{help !== undefined && <small id={`${id}-h`}>{help}</small>}{form.error(name) && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{form.error(name)}</p>}</span>
    </div>
  );
}

/** One of a few, each with what it means. */
export function ChoiceField<T extends object, K extends string>({ form, name, choices }: {
  form: Fields<T>; name: Keys<T, K>; choices: Record<K, { label: string; help: string }>;
}) {
  const { label } = form.words[name];
  return (
    <div className="field">
      <span className="label">{label}</span>
      <Radio.Group vertical className="explained" aria-label={label} value={form.draft[name]} onChange={({ target }: { target: { value?: K } }) => put(form, name, target.value)}
        options={(Object.keys(choices) as K[]).map((value) => ({ value, label: <>{choices[value].label}<small>{choices[value].help}</small></> }))} />
      {form.error(name) && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{form.error(name)}</p>}
    </div>
  );
}

const UNITS = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 } as const;
type Unit = keyof typeof UNITS;
/** The largest unit in which the time is a whole number. */
export const unitOf = (seconds: number): Unit => (['days', 'hours', 'minutes'] as const).find((unit) => seconds > 0 && seconds % UNITS[unit] === 0) ?? 'seconds';

/** A time in the unit that suits it, in seconds; NaN where it was emptied, with which no form is saved. */
export function TimeField<T extends object>({ form, name, help }: { form: Fields<T>; name: Keys<T, number>; help?: string }) {
  const { label } = form.words[name];
  return (
    <Field label={label} help={help} error={form.error(name)}>
      {(ids) => <Time ids={ids} label={label} value={form.draft[name] as number} onChange={(value) => put(form, name, value)} />}
    </Field>
  );
}

function Time({ ids, label, value, positive = false, onChange }: { ids: Ids; label: string; value: number; positive?: boolean; onChange: (seconds: number) => void }) {
  const [unit, setUnit] = useState<Unit>(() => unitOf(value || 60));
  const [typed, type] = useState<number | null>(null);
  return (
    <span className="time">
      <InputNumber<number> {...ids} className="amountIn" value={Number.isNaN(value) ? typed : Math.round((value / UNITS[unit]) * 100) / 100} min={0} status={ids['aria-invalid'] ? 'error' : undefined} onChange={(given) => {
        type(given);
        const seconds = given === null ? NaN : Math.round(given * UNITS[unit]);
        onChange(positive && seconds === 0 ? NaN : seconds);
      }} />
      <Select aria-label={t.form.unitOf(label)} value={unit} onChange={setUnit} options={(Object.keys(UNITS) as Unit[]).map((u) => ({ value: u, label: t.form.units[u] }))} popupMatchSelectWidth={false} />
    </span>
  );
}

/** A timeout of one's own, never, or the platform's; of what is below the platform, where it is called something else. */
export function TimeoutField<T extends object>({ form, name, platform, inherited = t.form.asPlatform, help, first = 7200 }: {
  form: Fields<T>; name: Keys<T, number | null>; platform: number | undefined; inherited?: (what: string) => string; help?: string; first?: number;
}) {
  const id = useId();
  const value = form.draft[name] as number | null;
  const error = form.error(name);
  const choice = value === null ? 'platform' : value === 0 ? 'never' : 'own';
  const { label } = form.words[name];
  const shown = platform === undefined ? '' : platform === 0 ? t.form.never.toLowerCase() : duration(platform);
  return (
    <div className="field">
      <span className="label">{label}</span>
      <Radio.Group vertical aria-label={label} value={choice} onChange={({ target }: { target: { value?: string } }) => put(form, name, target.value === 'platform' ? null : target.value === 'never' ? 0 : first)}
        options={[{ value: 'platform', label: inherited(shown) }, { value: 'never', label: t.form.never }, { value: 'own', label: t.form.after }]} />
      {choice === 'own' && <div className="indent"><Time ids={{ 'aria-label': label, 'aria-invalid': error !== undefined, 'aria-describedby': error ? id : undefined }} label={label} value={value!} positive onChange={(seconds) => put(form, name, seconds)} /></div>}
      {error && <p className="err" id={id} role="alert"><CircleAlert size={14} aria-hidden />{error}</p>}
      {help && <p className="help">{help}</p>}
    </div>
  );
}

export const showTimeout = (value: number | null, inherited = t.form.asPlatform) => (value === null ? inherited('') : value === 0 ? t.form.never : duration(value));
