import { control, shown, type Fault, type Typed } from '../lib/parameters';
import { useTexts } from '../react';
import type { Parameter, Parameters } from '../types';
import { Field } from './Field';

/** The values of the notebook's `parameters` cell, each with a control of its type. */
export function ParameterFields({ found, typed, faults, onType }: {
  found: Parameters; typed: Typed; faults: Record<string, Fault>; onType: (name: string, text: string) => void;
}) {
  const t = useTexts();
  return (
    <section className="jp-PrimeHub-section" aria-label={t.parameters.title}>
      <h3>{t.parameters.title}</h3>
      {!found.supported && <p className="jp-PrimeHub-muted">{found.message}</p>}
      {found.supported && found.parameters.length === 0 && <p className="jp-PrimeHub-muted">{found.message || t.parameters.none}</p>}
      {found.parameters.length > 0 && (
        <div className="jp-PrimeHub-grid">
          {found.parameters.map((parameter) => (
            <One key={parameter.name} parameter={parameter} text={typed[parameter.name] ?? ''} fault={faults[parameter.name]} onType={(text) => onType(parameter.name, text)} />
          ))}
        </div>
      )}
    </section>
  );
}

function One({ parameter, text, fault, onType }: { parameter: Parameter; text: string; fault: Fault | undefined; onType: (text: string) => void }) {
  const t = useTexts();
  const kind = control(parameter);
  const changed = text !== shown(parameter);
  const placeholder = parameter.default === null && parameter.type !== 'none' ? t.parameters.own(parameter.source) : parameter.source;
  const back = t.parameters.reset(parameter.name);
  const action = changed && <button type="button" className="jp-PrimeHub-link" aria-label={back} title={back} onClick={() => onType(shown(parameter))}>↺</button>;
  return (
    <Field label={<code>{parameter.name}</code>} action={action} note={t.parameters.types[parameter.type]} help={parameter.help} fault={fault && t.parameters.faults[fault]}>
      {(props) => {
        if (kind === 'checkbox') return <input {...props} type="checkbox" checked={text === 'true'} onChange={(e) => onType(String(e.currentTarget.checked))} />;
        if (kind === 'json' && (text.includes('\n') || parameter.type === 'list' || parameter.type === 'dict')) {
          return <textarea {...props} rows={Math.min(6, Math.max(2, text.split('\n').length))} spellCheck={false} placeholder={placeholder} value={text} onChange={(e) => onType(e.currentTarget.value)} />;
        }
        return <input {...props} type="text" inputMode={kind === 'number' ? 'decimal' : 'text'} spellCheck={false} autoComplete="off" placeholder={placeholder} value={text} onChange={(e) => onType(e.currentTarget.value)} />;
      }}
    </Field>
  );
}
