import { Button } from 'antd';
import { CircleAlert, CircleCheck, RefreshCcw } from 'lucide-react';
import type { ReactNode } from 'react';
import { t } from '../../text';
import { Panel } from '../page';
import type { Form } from './form';
import { Leaving } from './Leaving';

/** Title and one sentence left, fields right. */
export function Section({ title, why, children }: { title: string; why?: ReactNode; children: ReactNode }) {
  return <section><div><h2>{title}</h2>{why !== undefined && <p>{why}</p>}</div><div className="fields">{children}</div></section>;
}

/** Sections left; right what is not saved yet, with Save in it. `after` stands below the form and is no part of it. */
export function FormPage<T extends object>({ form, go = t.form.save, effects, details, rail, children, after }: {
  form: Form<T>; go?: string; effects?: ReactNode;
  /** Lines for fields of which one value is many changes: the members of a group. */
  details?: { [K in keyof T]?: ReactNode }; rail?: ReactNode; children: ReactNode; after?: ReactNode;
}) {
  const open = form.creating || form.changed.length > 0;
  return (
    <div className="withRail editCols">
      <Leaving changes={form.unsaved} />
      <div>
        <form id="edit" className="sections" noValidate onSubmit={(event) => {
          event.preventDefault();
          form.submit();
        }}>{children}</form>
        {after && <div className="sections after">{after}</div>}
      </div>
      <aside className="rail">
        <div className="sticky formCol">
          {form.creating ? <Panel title={t.form.notMade}><SaveRow form={form} go={go} /></Panel> : <Changes form={form} details={details} go={go} />}
          {effects !== undefined && <Panel title={t.form.effects}><p className="small">{effects}</p></Panel>}
          {rail}
        </div>
      </aside>
      {open && (
        <div className="saveBar">
          {!form.creating && <span className="small">{t.form.changes(form.changed.length)}</span>}
          <SaveRow form={form} go={go} />
        </div>
      )}
    </div>
  );
}

/** Each change, the old value struck. */
export function Changes<T extends object>({ form, details = {}, go }: { form: Form<T>; details?: { [K in keyof T]?: ReactNode } | undefined; go: string }) {
  const n = form.changed.length;
  if (n === 0) return <Panel title={t.form.saved}><p className="small" role="status">{form.done && <span className="why"><CircleCheck size={14} aria-hidden />{t.form.savedNow}</span>}</p></Panel>;
  return (
    <Panel title={t.form.notSaved} extra={t.form.changes(n)}>
      <ul className="diff">
        {form.changed.map((key) => <li key={String(key)}><b>{form.words[key].label}</b>{details[key] ?? <Change form={form} field={key} />}</li>)}
      </ul>
      <SaveRow form={form} go={go} />
    </Panel>
  );
}

function Change<T extends object>({ form, field }: { form: Form<T>; field: keyof T }) {
  const show = (value: T[keyof T]) => form.words[field].show?.(value) ?? (value === '' || value === null ? t.form.empty : String(value));
  const wrong = form.error(field);
  return (
    <>
      <span><s>{show(form.saved[field])}</s> {show(form.draft[field])}</span>
      {wrong && <em className="bad">{wrong}</em>}
      {form.clashes.includes(field) && <em className="warnText">{t.form.clash(show(form.saved[field]))}</em>}
    </>
  );
}

export function SaveRow<T extends object>({ form, go }: { form: Form<T>; go: string }) {
  return (
    <>
      <div className="saveRow">
        <Button type="primary" htmlType="button" loading={form.pending} onClick={form.submit}>{go}</Button>
        {form.changed.length > 0 && !form.creating && <Button type="text" htmlType="button" disabled={form.pending} onClick={form.reset}>{t.form.discard}</Button>}
      </div>
      <div role="status">{form.wrong > 0 && <p className="small muted">{t.form.attention(form.wrong)}</p>}</div>
      {form.general !== '' && <p className="err" role="alert">{form.general === t.form.conflict ? <RefreshCcw size={14} aria-hidden /> : <CircleAlert size={14} aria-hidden />}{form.general}</p>}
    </>
  );
}
