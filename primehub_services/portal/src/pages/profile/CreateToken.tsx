import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Input, Modal, Radio } from 'antd';
import { CircleAlert, Copy } from 'lucide-react';
import { useState } from 'react';
import { api, asProblem, body } from '../../api/client';
import type { Scope } from '../../api/types';
import { useFocusBack } from '../../lib/focus-back';
import { useMe } from '../../lib/session';
import { copyText } from '../../lib/copy';
import { useUnsaved } from '../../lib/unsaved';
import { Field } from '../../parts/Field';
import { beside, saidOf } from '../../parts/form/form';
import { t } from '../../text';

const DAYS = [7, 30, 90, 365];
const READ: Scope = 'custom:primehub:read';
const WRITE: Scope = 'custom:primehub:write';

export function CreateToken({ onClose }: { onClose: () => void }) {
  useFocusBack();
  const me = useMe();
  const queries = useQueryClient();
  const [note, setNote] = useState('');
  const [days, setDays] = useState(30);
  const [scopes, setScopes] = useState<Scope[]>([READ]);
  const [tried, setTried] = useState(false);
  const [copied, setCopied] = useState(false);
  const create = useMutation({
    mutationFn: () => body(api.POST('/me/tokens', { body: { note: note.trim(), scopes, expires_in: days * 86_400 } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['tokens'] }),
  });
  const offered: Scope[] = [
    READ, WRITE,
    ...(me.groups.some((g) => g.role === 'admin') || me.platform_admin ? ['custom:primehub:group-admin' as const] : []),
    ...(me.platform_admin ? ['custom:primehub:admin' as const] : []),
  ];
  const problem = create.error ? asProblem(create.error) : null;
  const noNote = tried && note.trim() === '' ? t.tokens.noteNeeded : saidOf(problem, 'note');
  const noScope = tried && scopes.length === 0 ? t.tokens.scopeNeeded : saidOf(problem, 'scopes');
  const other = beside(problem, ['note', 'scopes']);
  const made = create.data?.token;
  useUnsaved(made !== undefined || note !== '');

  if (made !== undefined) {
    return (
      <Modal open title={t.tokens.token} onCancel={onClose} mask={{ closable: false }} width={520} footer={<Button type="primary" onClick={onClose}>{t.tokens.done}</Button>}>
        <p className="small"><b>{t.tokens.made}.</b> {t.tokens.madeHow}</p>
        <div className="secret" style={{ marginTop: 12 }}>
          <code data-testid="token">{made}</code>
          <Button icon={<Copy size={14} aria-hidden />} onClick={() => void copyText(made).then(() => setCopied(true))}>{copied ? t.tokens.copied : t.tokens.copy}</Button>
        </div>
      </Modal>
    );
  }
  return (
    <Modal open title={t.tokens.create} onCancel={onClose} mask={{ closable: false }} width={520} footer={(
      <>
        <Button onClick={onClose}>{t.tokens.close}</Button>
        <Button type="primary" htmlType="submit" form="create-token" loading={create.isPending}>{t.tokens.create}</Button>
      </>
    )}>
      <form id="create-token" className="fields" style={{ padding: '8px 0' }} onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (note.trim() !== '' && scopes.length > 0) create.mutate();
      }}>
        <Field label={t.tokens.note} error={noNote}>
          {(ids) => <Input {...ids} autoFocus maxLength={200} placeholder={t.tokens.notePlaceholder} value={note} onChange={(e) => setNote(e.target.value)} />}
        </Field>
        <div className="field">
          <fieldset aria-describedby={noScope ? 'scopes-error' : undefined}>
            <legend>{t.tokens.scopes}</legend>
            <div className="checks">
              {offered.map((scope) => (
                <Checkbox key={scope} checked={scopes.includes(scope)} onChange={(e) => setScopes(e.target.checked ? [...scopes, scope] : scopes.filter((s) => s !== scope))}>{t.tokens.scope[scope]}</Checkbox>
              ))}
            </div>
          </fieldset>
          {noScope && <p className="err" id="scopes-error" role="alert"><CircleAlert size={14} aria-hidden />{noScope}</p>}
        </div>
        <div className="field">
          <fieldset>
            <legend>{t.tokens.expires}</legend>
            <Radio.Group value={days} onChange={(e) => setDays(e.target.value as number)} options={DAYS.map((n) => ({ value: n, label: t.tokens.days(n) }))} />
          </fieldset>
        </div>
        {other !== '' && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{other}</p>}
      </form>
    </Modal>
  );
}
