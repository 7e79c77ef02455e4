import { Button } from 'antd';
import { CircleAlert, CircleCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import { t } from '../../text';
import type { Form } from './form';

/** Save below a few fields that have no list of changes beside them; what others saved in the same fields is said here. */
export function SaveLine<T extends object>({ form, go, children }: { form: Form<T>; go: string; children?: ReactNode }) {
  return (
    <div>
      {form.clashes.map((key) => <p key={String(key)} className="small warnText" role="status">{form.words[key].label}: {t.form.clash(shown(form, key))}</p>)}
      <div className="saveRow">
        <Button type="primary" htmlType="submit" loading={form.pending} disabled={form.changed.length === 0}>{go}</Button>
        {children}
        <span role="status" className="small">{form.done && <span className="why"><CircleCheck size={14} aria-hidden />{t.form.savedNow}</span>}</span>
      </div>
      {form.general !== '' && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{form.general}</p>}
    </div>
  );
}

/** How the saved value of a field reads. */
export function shown<T extends object>({ saved, words }: Pick<Form<T>, 'saved' | 'words'>, key: keyof T): string {
  const value = saved[key];
  return words[key].show?.(value) ?? (value === '' || value === null ? t.form.empty : String(value));
}
