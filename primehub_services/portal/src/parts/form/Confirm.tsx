import { Button, Input, Modal } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useId, useState, type ReactNode } from 'react';
import { asProblem } from '../../api/client';
import { t } from '../../text';
import './form.css';

/** A dangerous act: what is lost, what stays, and the name typed where that cannot be undone. */
export function Confirm({ open, title, name, go, keep, pending, error, onGo, onClose, onClosed, children }: {
  open: boolean; title: string; name?: string; go: string; keep: string; pending: boolean; error: unknown; onGo: () => void; onClose: () => void; onClosed?: () => void; children: ReactNode;
}) {
  return (
    <Modal open={open} destroyOnHidden onCancel={onClose} afterClose={onClosed} title={title} width={480} footer={null}>
      <Body name={name} go={go} keep={keep} pending={pending} error={error} onGo={onGo} onClose={onClose}>{children}</Body>
    </Modal>
  );
}

function Body({ name, go, keep, pending, error, onGo, onClose, children }: {
  name: string | undefined; go: string; keep: string; pending: boolean; error: unknown; onGo: () => void; onClose: () => void; children: ReactNode;
}) {
  const id = useId();
  const [typed, type] = useState('');
  const sure = name === undefined || typed === name;
  const words = t.form.typeName(name ?? '');
  const problem = error ? asProblem(error) : null;
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      if (sure) onGo();
    }}>
      <div className="small lose">{children}</div>
      {name !== undefined && (
        <div className="field typeName">
          <label htmlFor={id}>{words.before} <code>{words.name}</code> {words.after}</label>
          <Input id={id} autoComplete="off" spellCheck={false} value={typed} onChange={(event) => type(event.target.value)} />
        </div>
      )}
      {problem && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{problem.status === 0 ? t.error.noAnswer : problem.message}</p>}
      <div className="ant-modal-footer askRow">
        <Button onClick={onClose}>{keep}</Button>
        <Button type="primary" danger htmlType="submit" disabled={!sure} loading={pending}>{go}</Button>
      </div>
    </form>
  );
}
