import { Button, Input } from 'antd';
import { CircleAlert, Plus, X } from 'lucide-react';
import { useId } from 'react';
import { t } from '../../../text';

/** What is wrong with each row, where its value could not be kept; empty where nothing is. */
export const pairErrors = (pairs: readonly [string, string][]): string[] => pairs.map(([key, value], i) => (
  key === '' ? (value === '' ? '' : t.notebook.envNoName) : pairs.findIndex(([other]) => other === key) < i ? t.notebook.envTwice : ''));

/** Names with values, as many as are wanted. */
export function Pairs({ label, help, pairs, error, onChange }: { label: string; help?: string; pairs: [string, string][]; error?: string | undefined; onChange: (pairs: [string, string][]) => void }) {
  const set = (i: number, pair: [string, string]) => onChange(pairs.map((p, j) => (j === i ? pair : p)));
  const id = useId();
  const errors = error ? pairErrors(pairs) : [];
  return (
    <div className="field">
      <span className="label">{label}</span>
      {pairs.map(([key, value], i) => (
        <div className="pair" key={i}>
          <Input className="mono" aria-label={t.notebook.envName(i + 1)} placeholder={t.notebook.envNamePlaceholder} value={key} {...(errors[i] && { status: 'error', 'aria-invalid': true, 'aria-describedby': `${id}-${i}` })} onChange={(event) => set(i, [event.target.value, value])} />
          <Input className="mono" aria-label={t.notebook.envValue(i + 1)} placeholder={t.notebook.envValuePlaceholder} value={value} onChange={(event) => set(i, [key, event.target.value])} />
          <Button type="text" aria-label={t.notebook.envRemove(key)} icon={<X size={14} aria-hidden />} onClick={() => onChange(pairs.filter((_, j) => j !== i))} />
          {errors[i] && <p className="err" role="alert" id={`${id}-${i}`}><CircleAlert size={14} aria-hidden />{errors[i]}</p>}
        </div>
      ))}
      {error && !errors.some(Boolean) && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{error}</p>}
      <span><Button type="text" icon={<Plus size={14} aria-hidden />} onClick={() => onChange([...pairs, ['', '']])}>{t.notebook.envAdd}</Button></span>
      {help && <p className="help">{help}</p>}
    </div>
  );
}
