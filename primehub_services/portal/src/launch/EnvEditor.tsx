import { Button, Input } from 'antd';
import { CircleAlert, Plus, X } from 'lucide-react';
import { useId, useRef } from 'react';
import { t } from '../text';
import type { Row } from './env';

export function EnvEditor({ rows, errors, onChange }: { rows: Row[]; errors: string[]; onChange: (rows: Row[]) => void }) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const set = (at: number, part: Partial<Row>) => onChange(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  const focus = (name: string) => setTimeout(() => box.current?.querySelector<HTMLElement>(`[data-at="${name}"]`)?.focus());
  return (
    <div ref={box}>
      {rows.length > 0 && (
        <div className="env">
          {rows.map((row, i) => (
            <EnvRow key={i} id={`${id}-${i}`} at={i} row={row} error={errors[i] ?? ''} onChange={(part) => set(i, part)} onRemove={() => {
              onChange(rows.filter((_, j) => j !== i));
              focus(i > 0 ? `name-${i - 1}` : 'add');
            }} />
          ))}
        </div>
      )}
      <div className="envFoot">
        <Button type="text" data-at="add" icon={<Plus size={15} aria-hidden />} onClick={() => {
          onChange([...rows, { name: '', value: '' }]);
          focus(`name-${rows.length}`);
        }}>{t.notebook.envAdd}</Button>
      </div>
    </div>
  );
}

function EnvRow({ id, at, row, error, onChange, onRemove }: {
  id: string; at: number; row: Row; error: string; onChange: (part: Partial<Row>) => void; onRemove: () => void;
}) {
  const wrong = error !== '';
  return (
    <>
      <Input className="mono" data-at={`name-${at}`} aria-label={t.notebook.envName(at + 1)} placeholder={t.notebook.envNamePlaceholder} value={row.name} spellCheck={false} autoComplete="off"
        status={wrong ? 'error' : ''} aria-invalid={wrong} aria-describedby={wrong ? id : undefined} onChange={(event) => onChange({ name: event.target.value.trim() })} />
      <Input className="mono envValue" aria-label={t.notebook.envValue(at + 1)} placeholder={t.notebook.envValuePlaceholder} value={row.value} spellCheck={false} autoComplete="off"
        onChange={(event) => onChange({ value: event.target.value })} />
      <Button className="envRemove" type="text" aria-label={t.notebook.envRemove(row.name)} icon={<X size={15} aria-hidden />} onClick={onRemove} />
      {wrong && <p className="err" id={id}><CircleAlert size={14} aria-hidden />{error}</p>}
    </>
  );
}
