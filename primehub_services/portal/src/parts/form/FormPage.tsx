import { Button } from 'antd';
import { CircleAlert, CircleCheck, RefreshCcw } from 'lucide-react';
import type { ReactNode } from 'react';
import { t } from '../../text';
import { Panel } from '../page';
import type { Form } from './form';
import { Leaving } from './Leaving';
import './form.css';

/** Title and one sentence left, fields right. */
export function Section({ title, why, children }: { title: string; why?: ReactNode; children: ReactNode }) {
  return <section><div><h2>{title}</h2>{why !== undefined && <p>{why}</p>}</div><div className="fields">{children}</div></section>;
}

/** What a dry run answers: a panel with the button in it, and a few words beside the button at the foot of small windows. */
type Answer = { words: string; never: boolean; panel: (button: ReactNode) => ReactNode };

/** Sections left, or `panels`; right what is not saved yet, with Save in it. `after` stands below the form and is no part of it. */
export function FormPage<T extends object>({ form, go = t.form.save, effects, details, answer, panels = false, rail, children, after }: {
  form: Form<T>; go?: string; effects?: ReactNode;
  /** Lines for fields of which one value is many changes: the members of a group. */
  details?: { [K in keyof T]?: ReactNode }; answer?: Answer; panels?: boolean; rail?: ReactNode; children: ReactNode; after?: ReactNode;
}) {
  const open = form.creating || form.changed.length > 0;
  const save = <SaveRow form={form} go={go} of={answer ? undefined : 'edit'} large={answer !== undefined} off={answer?.never} />;
  return (
    <div className="withRail editCols">
      <Leaving changes={form.unsaved} />
      <div>
        <form id="edit" className={panels ? 'formCol' : 'sections'} noValidate onSubmit={(event) => {
          event.preventDefault();
          if (!answer?.never) form.submit();
        }}>{children}</form>
        {after && <div className="sections after">{after}</div>}
      </div>
      <aside className="rail">
        <div className="sticky formCol">
          {answer ? answer.panel(<div className="besideForm">{save}</div>) : form.creating ? <Panel title={t.form.notMade} className="besideForm">{save}</Panel> : <Changes form={form} details={details}><div className="besideForm">{save}</div></Changes>}
          {effects !== undefined && <Panel title={t.form.effects}><p className="small">{effects}</p></Panel>}
          {rail}
        </div>
      </aside>
      {open && (
        <div className="saveBar">
          <span className="small">{answer?.words ?? (form.creating ? '' : t.form.changes(form.changed.length))}</span>
          {save}
        </div>
      )}
    </div>
  );
}

/** Each change, the old value struck. */
function Changes<T extends object>({ form, details = {}, children }: { form: Form<T>; details?: { [K in keyof T]?: ReactNode } | undefined; children: ReactNode }) {
  const n = form.changed.length;
  if (n === 0) return <Panel title={t.form.saved}><p className="small" role="status">{form.done && <span className="why"><CircleCheck size={14} aria-hidden />{t.form.savedNow}</span>}</p></Panel>;
  return (
    <Panel title={t.form.notSaved} extra={t.form.changes(n)}>
      <ul className="diff">
        {form.changed.map((key) => <li key={String(key)}><b>{form.words[key].label}</b>{details[key] ?? <Change form={form} field={key} />}</li>)}
      </ul>
      {children}
    </Panel>
  );
}

function Change<T extends object>({ form, field }: { form: Form<T>; field: keyof T }) {
  const show = (value: T[keyof T]) => (Number.isNaN(value) ? t.form.empty : form.words[field].show?.(value) ?? (value === '' || value === null ? t.form.empty : String(value)));
  const wrong = form.error(field);
  return (
    <>
      <span><s>{show(form.saved[field])}</s> {show(form.draft[field])}</span>
      {wrong && <em className="bad">{wrong}</em>}
      {form.clashes.includes(field) && <em className="warnText">{t.form.clash(show(form.saved[field]))}</em>}
    </>
  );
}

/** `of` is the form's element, where Enter in a field saves; what costs something as it is saved wants the button. */
export function SaveRow<T extends object>({ form, go, of, large = false, off = false }: { form: Form<T>; go: string; of?: string | undefined; large?: boolean; off?: boolean | undefined }) {
  return (
    <>
      <div className="saveRow">
        <Button type="primary" {...(of === undefined ? { htmlType: 'button', onClick: form.submit } : { htmlType: 'submit', form: of })} size={large ? 'large' : 'medium'} block={large} disabled={off} loading={form.pending}>{go}</Button>
        {form.changed.length > 0 && !form.creating && <Button type="text" htmlType="button" disabled={form.pending} onClick={form.reset}>{t.form.discard}</Button>}
      </div>
      <div role="status">{form.wrong > 0 && <p className="small muted">{t.form.attention(form.wrong)}</p>}</div>
      {form.general !== '' && <p className="err" role="alert">{form.general === t.form.conflict ? <RefreshCcw size={14} aria-hidden /> : <CircleAlert size={14} aria-hidden />}{form.general}</p>}
    </>
  );
}
