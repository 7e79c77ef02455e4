import { useId, type ReactNode } from 'react';

/** A label, what is typed in, and below it what it means or what is wrong with it. */
export function Field({ label, note, action, help, fault, children }: {
  label: ReactNode; note?: ReactNode; action?: ReactNode; help?: ReactNode; fault?: string | undefined;
  children: (props: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean | undefined }) => ReactNode;
}) {
  const id = useId();
  const below = fault ?? help;
  const described = below !== undefined && below !== '' ? `${id}-help` : undefined;
  return (
    <div className="jp-PrimeHub-field">
      <div className="jp-PrimeHub-label"><label htmlFor={id}>{label}</label>{action}{note !== undefined && <small>{note}</small>}</div>
      {children({ id, 'aria-describedby': described, 'aria-invalid': fault !== undefined || undefined })}
      {described !== undefined && <small id={described} className={fault === undefined ? 'jp-PrimeHub-muted' : 'jp-PrimeHub-fault'}>{below}</small>}
    </div>
  );
}

export function Checkbox({ label, help, checked, onChange }: { label: string; help?: string; checked: boolean; onChange: (checked: boolean) => void }) {
  const id = useId();
  return (
    <div className="jp-PrimeHub-checkbox">
      <input id={id} type="checkbox" checked={checked} aria-describedby={help === undefined ? undefined : `${id}-help`} onChange={(e) => onChange(e.currentTarget.checked)} />
      <label htmlFor={id}>{label}</label>
      {help !== undefined && <small id={`${id}-help`} className="jp-PrimeHub-muted">{help}</small>}
    </div>
  );
}
