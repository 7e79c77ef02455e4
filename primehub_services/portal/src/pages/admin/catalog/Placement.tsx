import { Button, Input, InputNumber, Select } from 'antd';
import { CircleAlert, Plus, X } from 'lucide-react';
import type { Toleration } from '../../../api/admin';
import { TextField } from '../../../parts/form/fields';
import type { Fields } from '../../../parts/form/form';
import { Section } from '../../../parts/form/FormPage';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import type { Draft } from './TypeForm';

const words = a.types;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

/** Which machines of a cluster: folded, since most never need it. */
export function Placement({ form }: { form: Fields<Draft> }) {
  const { node_selector: pairs, tolerations } = form.draft;
  const set = (i: number, pair: [string, string] | null) => form.set({ node_selector: pair ? pairs.map((p, j) => (j === i ? pair : p)) : pairs.filter((_, j) => j !== i) });
  const tolerate = (i: number, toleration: Toleration | null) => form.set({ tolerations: toleration ? tolerations.map((x, j) => (j === i ? toleration : x)) : tolerations.filter((_, j) => j !== i) });
  return (
    <Section title={words.placement} why={words.placementWhy}>
      <details className="fold" open={pairs.length > 0 || tolerations.length > 0}>
        <summary>{words.selector}: {words.labels(pairs.length)}, {words.tolerated(tolerations.length)}</summary>
        <div className="fields">
          <div className="field">
            <span className="label">{words.selector}</span>
            {pairs.map(([key, value], i) => (
              <div className="pair" key={i}>
                <Input className="mono" aria-label={words.keyOf(i + 1)} placeholder={words.key} value={key} onChange={(event) => set(i, [event.target.value, value])} />
                <Input className="mono" aria-label={words.valueOf(i + 1)} placeholder={words.value} value={value} onChange={(event) => set(i, [key, event.target.value])} />
                <Button type="text" aria-label={t.form.remove(words.keyOf(i + 1))} icon={<X size={14} aria-hidden />} onClick={() => set(i, null)} />
              </div>
            ))}
            <Wrong error={form.error('node_selector')} />
            <span><Button type="text" icon={<Plus size={14} aria-hidden />} onClick={() => form.set({ node_selector: [...pairs, ['', '']] })}>{words.selectorAdd}</Button></span>
          </div>
          <div className="field">
            <span className="label">{words.tolerations}</span>
            {tolerations.map((toleration, i) => (
              <div className="pair five" key={i}>
                <Input className="mono" aria-label={words.tolerationKey(i + 1)} placeholder={words.key} value={toleration.key} onChange={(event) => tolerate(i, { ...toleration, key: event.target.value })} />
                <Select aria-label={words.operator(i + 1)} value={toleration.operator} options={(['Equal', 'Exists'] as const).map((value) => ({ value, label: words.operators[value] }))}
                  onChange={(operator) => tolerate(i, { ...toleration, operator, value: operator === 'Equal' ? toleration.value ?? '' : null })} />
                <Input className="mono" aria-label={words.tolerationValue(i + 1)} placeholder={words.value} disabled={toleration.operator === 'Exists'} value={toleration.value ?? ''} onChange={(event) => tolerate(i, { ...toleration, value: event.target.value })} />
                <Select aria-label={words.effect(i + 1)} value={toleration.effect ?? ''} options={[{ value: '', label: words.everyEffect }, ...EFFECTS.map((value) => ({ value, label: value }))]}
                  onChange={(effect) => tolerate(i, { ...toleration, effect: effect === '' ? null : effect as Toleration['effect'], toleration_seconds: effect === 'NoExecute' ? toleration.toleration_seconds ?? null : null })} />
                {toleration.effect === 'NoExecute' && (
                  <InputNumber aria-label={words.forSeconds(i + 1)} placeholder={words.forEver} prefix={words.holds} suffix={words.seconds} min={0} precision={0} value={toleration.toleration_seconds ?? null}
                    onChange={(toleration_seconds) => tolerate(i, { ...toleration, toleration_seconds })} />
                )}
                <Button type="text" aria-label={t.form.remove(words.tolerationKey(i + 1))} icon={<X size={14} aria-hidden />} onClick={() => tolerate(i, null)} />
              </div>
            ))}
            <Wrong error={form.error('tolerations')} />
            <span><Button type="text" icon={<Plus size={14} aria-hidden />} onClick={() => form.set({ tolerations: [...tolerations, { key: '', operator: 'Equal', value: '', effect: null, toleration_seconds: null }] })}>{words.tolerationAdd}</Button></span>
          </div>
          <TextField form={form} name="gpu_resource" help={words.gpuResourceHelp} mono max={253} />
        </div>
      </details>
    </Section>
  );
}

const Wrong = ({ error }: { error: string | undefined }) => (error ? <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{error}</p> : null);
