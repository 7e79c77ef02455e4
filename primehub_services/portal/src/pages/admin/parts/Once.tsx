import { Button, Modal } from 'antd';
import { Copy } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { copyText } from '../../../lib/copy';
import { t } from '../../../text';
import { a } from '../../../text/admin';

/** A link or a password that is shown this once. */
export function Once({ title, value, more, onClose }: { title: string; value: string; more?: ReactNode; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <Modal open title={title} onCancel={onClose} mask={{ closable: false }} width={560} footer={<Button type="primary" onClick={onClose}>{t.form.done}</Button>}>
      <p className="small"><b>{a.users.once}.</b> {a.users.onceHow} {more}</p>
      <div className="secret" style={{ marginTop: 12 }}>
        <code data-testid="once">{value}</code>
        <Button icon={<Copy size={14} aria-hidden />} onClick={() => void copyText(value).then(() => setCopied(true))}>{copied ? t.form.copied : t.form.copy}</Button>
      </div>
    </Modal>
  );
}
