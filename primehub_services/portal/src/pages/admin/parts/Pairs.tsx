import { Button, Input } from 'antd';
import { CircleAlert, Plus, X } from 'lucide-react';
import { t } from '../../../text';

/** Names with values, as many as are wanted. */
export function Pairs({ label, help, pairs, error, onChange }: { label: string; help?: string; pairs: [string, string][]; error?: string | undefined; onChange: (pairs: [string, string][]) => void }) {
  const set = (i: number, pair: [string, string]) => onChange(pairs.map((p, j) => (j === i ? pair : p)));
  return (
    <div className="field">
      <span className="label">{label}</span>
      {pairs.map(([key, value], i) => (
        <div className="pair" key={i}>
          <Input className="mono" aria-label={t.notebook.envName(i + 1)} placeholder={t.notebook.envNamePlaceholder} value={key} onChange={(event) => set(i, [event.target.value, value])} />
          <Input className="mono" aria-label={t.notebook.envValue(i + 1)} placeholder={t.notebook.envValuePlaceholder} value={value} onChange={(event) => set(i, [key, event.target.value])} />
          <Button type="text" aria-label={t.notebook.envRemove(key)} icon={<X size={14} aria-hidden />} onClick={() => onChange(pairs.filter((_, j) => j !== i))} />
        </div>
      ))}
      {error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{error}</p>}
      <span><Button type="text" icon={<Plus size={14} aria-hidden />} onClick={() => onChange([...pairs, ['', '']])}>{t.notebook.envAdd}</Button></span>
      {help && <p className="help">{help}</p>}
    </div>
  );
}
