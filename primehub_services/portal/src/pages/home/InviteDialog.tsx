import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Modal, Radio } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { api, asProblem, body } from '../../api/client';
import { hubBase } from '../../lib/base';
import { useFocusBack } from '../../lib/focus-back';
import { exact } from '../../lib/format';
import { copyText } from '../../lib/copy';
import { nameOf, useGroup, useMe } from '../../lib/session';
import { useUnsaved } from '../../lib/unsaved';
import { t } from '../../text';

const DAYS = [1, 7, 30];

/** How long the link lasts; then the link, once. */
export default function InviteDialog({ onClose }: { onClose: () => void }) {
  useFocusBack();
  const me = useMe();
  const group = useGroup();
  const queries = useQueryClient();
  const [days, setDays] = useState(1);
  const [copied, setCopied] = useState(false);
  const make = useMutation({
    mutationFn: () => body(api.POST('/invitations', { body: { group: group.group, role: 'member', user: null, expires_in: days * 86_400, send: false, address: '' } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['invitations'] }),
  });
  useUnsaved(make.data !== undefined);
  const link = `${location.origin}${hubBase}invite#${make.data?.token ?? ''}`;
  const copy = (text: string) => void copyText(text).then(() => setCopied(true));
  return (
    <Modal open onCancel={onClose} mask={{ closable: make.data === undefined }} title={t.invite.title(nameOf(group))} width={480} footer={make.data ? <Button onClick={onClose}>{t.tokens.done}</Button> : (
      <>
        <Button onClick={onClose}>{t.tokens.close}</Button>
        <Button type="primary" loading={make.isPending} onClick={() => make.mutate()}>{t.invite.make}</Button>
      </>
    )}>
      {make.data ? (
        <>
          <div className="secret"><code>{link}</code><Button size="small" onClick={() => copy(link)}>{copied ? t.tokens.copied : t.tokens.copy}</Button></div>
          <p className="small" style={{ marginTop: 8 }}>{t.invite.once(exact(make.data.expires_at))}</p>
        </>
      ) : (
        <>
          <p className="small" style={{ marginBottom: 12 }}>{t.invite.why(me.local_accounts)}</p>
          <Radio.Group aria-label={t.invite.lasts} value={days} onChange={({ target }: { target: { value?: number } }) => setDays(target.value!)}
            options={DAYS.map((value) => ({ value, label: t.tokens.days(value) }))} />
        </>
      )}
      {make.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(make.error).message}</p>}
    </Modal>
  );
}
