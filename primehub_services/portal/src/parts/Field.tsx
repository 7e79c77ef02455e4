import { CircleAlert } from 'lucide-react';
import { useId, type ReactNode } from 'react';
import { t } from '../text';

type Ids = { id: string; 'aria-invalid': boolean; 'aria-describedby': string | undefined };

/** Label above, help below before it is needed, the error under the field. Required unless it says optional. */
export function Field({ label, help, error, optional, children }: {
  label: string; help?: string; error?: string | undefined; optional?: boolean; children: (ids: Ids) => ReactNode;
}) {
  const id = useId();
  const wrong = error !== undefined && error !== '';
  const describes = [wrong && `${id}-e`, help && `${id}-h`].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}{optional && <span className="muted"> ({t.profile.optional})</span>}</label>
      {children({ id, 'aria-invalid': wrong, 'aria-describedby': describes || undefined })}
      {wrong && <p className="err" id={`${id}-e`} role="alert"><CircleAlert size={14} aria-hidden />{error}</p>}
      {help && <p className="help" id={`${id}-h`}>{help}</p>}
    </div>
  );
}
