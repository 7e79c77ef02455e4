import { Button, Modal } from 'antd';
import { Copy } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { copyText } from '../../../lib/copy';
import { useFocusBack } from '../../../lib/focus-back';
import { useUnsaved } from '../../../lib/unsaved';
import { t } from '../../../text';
import { a } from '../../../text/admin';

/** A link or a password that is shown this once; `sent`: what became of it meanwhile, and `how` what is to be done with it. */
export function Once({ title, value, how = a.users.onceHow, more, sent, onClose }: { title: string; value: string; how?: string; more?: ReactNode; sent?: ReactNode; onClose: () => void }) {
  useFocusBack();
  useUnsaved(true);
  const [copied, setCopied] = useState(false);
  return (
    <Modal open title={title} onCancel={onClose} mask={{ closable: false }} width={560} footer={<Button type="primary" onClick={onClose}>{t.form.done}</Button>}>
      {sent}
      <p className="small"><b>{a.users.once}.</b> {how} {more}</p>
      <div className="secret" style={{ marginTop: 12 }}>
        <code data-testid="once">{value}</code>
        <Button icon={<Copy size={14} aria-hidden />} onClick={() => void copyText(value).then(() => setCopied(true))}>{copied ? t.form.copied : t.form.copy}</Button>
      </div>
    </Modal>
  );
}
