import { Button, Input } from 'antd';
import { CircleAlert, Plus, X } from 'lucide-react';
import { useId, useRef, type ReactNode } from 'react';
import { t } from '../text';
import type { Row } from './env';

const VARIABLES = { name: t.notebook.envName, value: t.notebook.envValue, remove: t.notebook.envRemove, add: t.notebook.envAdd, namePlaceholder: t.notebook.envNamePlaceholder, valuePlaceholder: t.notebook.envValuePlaceholder };
type Words = Omit<typeof VARIABLES, 'namePlaceholder' | 'valuePlaceholder'> & { namePlaceholder?: string; valuePlaceholder?: string };
/** How a value is given, where that is not by typing it. */
type Value = (row: Row, given: { 'aria-label': string; onChange: (value: string) => void } & Wrong) => ReactNode;
type Wrong = { status: 'error' | ''; 'aria-invalid': boolean; 'aria-describedby': string | undefined };

/** Names and their values: environment variables, unless the words are others. `instead` stands where more cannot be added. */
export function EnvEditor({ rows, errors, valueErrors = [], words = VARIABLES, value, instead, onChange }: {
  rows: Row[]; errors: string[]; valueErrors?: string[]; words?: Words; value?: Value; instead?: ReactNode; onChange: (rows: Row[]) => void;
}) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const set = (at: number, part: Partial<Row>) => onChange(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  const focus = (name: string) => setTimeout(() => box.current?.querySelector<HTMLElement>(`[data-at="${name}"]`)?.focus());
  return (
    <div ref={box}>
      {rows.length > 0 && (
        <div className="env">
          {rows.map((row, i) => (
            <EnvRow key={i} id={`${id}-${i}`} at={i} row={row} error={errors[i] ?? ''} valueError={valueErrors[i] ?? ''} words={words} value={value} onChange={(part) => set(i, part)} onRemove={() => {
              onChange(rows.filter((_, j) => j !== i));
              focus(i > 0 ? `name-${i - 1}` : 'add');
            }} />
          ))}
        </div>
      )}
      <div className="envFoot">
        {instead ?? (
          <Button type="text" data-at="add" icon={<Plus size={15} aria-hidden />} onClick={() => {
            onChange([...rows, { name: '', value: '' }]);
            focus(`name-${rows.length}`);
          }}>{words.add}</Button>
        )}
      </div>
    </div>
  );
}

function EnvRow({ id, at, row, error, valueError, words, value, onChange, onRemove }: {
  id: string; at: number; row: Row; error: string; valueError: string; words: Words; value: Value | undefined; onChange: (part: Partial<Row>) => void; onRemove: () => void;
}) {
  const said = error || valueError;
  const wrong = (is: boolean): Wrong => ({ status: is ? 'error' : '', 'aria-invalid': is, 'aria-describedby': is ? id : undefined });
  return (
    <>
      <Input className="mono" data-at={`name-${at}`} aria-label={words.name(at + 1)} placeholder={words.namePlaceholder} value={row.name} spellCheck={false} autoComplete="off"
        {...wrong(error !== '')} onChange={(event) => onChange({ name: event.target.value.trim() })} />
      {value ? value(row, { 'aria-label': words.value(at + 1), onChange: (given) => onChange({ value: given }), ...wrong(error === '' && valueError !== '') }) : (
        <Input className="mono envValue" aria-label={words.value(at + 1)} placeholder={words.valuePlaceholder} value={row.value} spellCheck={false} autoComplete="off"
          onChange={(event) => onChange({ value: event.target.value })} />
      )}
      <Button className="envRemove" type="text" aria-label={words.remove(row.name)} icon={<X size={15} aria-hidden />} onClick={onRemove} />
      {said && <p className="err" id={id}><CircleAlert size={14} aria-hidden />{said}</p>}
    </>
  );
}
