import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Modal, Radio } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { admin } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import { useFocusBack } from '../../../lib/focus-back';
import { useMe } from '../../../lib/session';
import { useUnsaved } from '../../../lib/unsaved';
import { Field } from '../../../parts/Field';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { GroupField } from '../parts/Access';
import { EMAIL } from './links';
import { MadeLink } from './MadeLink';

const words = a.users;
const DAYS = [1, 7, 30];

/** A link into a group, for one person. */
export function Invite({ onClose }: { onClose: () => void }) {
  useFocusBack();
  const me = useMe();
  const queries = useQueryClient();
  const [group, setGroup] = useState('');
  const [role, setRole] = useState<'member' | 'admin'>('member');
  const [days, setDays] = useState(1);
  const [address, setAddress] = useState('');
  const [tried, setTried] = useState(false);
  const mail = useQuery(admin.email());
  useUnsaved(address !== '');
  const addressed = EMAIL.test(address);
  const make = useMutation({
    mutationFn: () => body(api.POST('/invitations', { body: { group, role, user: null, expires_in: days * 86_400, send: address !== '', address } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['invitations'] }),
  });
  if (make.data) return <MadeLink title={words.inviteMade} made={make.data} onClose={onClose} />;
  return (
    <Modal open title={words.inviteTitle} onCancel={onClose} width={480} footer={(
      <>
        <Button onClick={onClose}>{t.form.cancel}</Button>
        <Button type="primary" loading={make.isPending} onClick={() => {
          setTried(true);
          if (group !== '' && addressed) make.mutate();
        }}>{address === '' ? words.inviteGo : words.inviteSend}</Button>
      </>
    )}>
      <div className="fields" style={{ padding: '8px 0' }}>
        <p className="small">{words.inviteWhy(me.local_accounts)}</p>
        <GroupField label={words.inviteGroup} value={group} onChange={setGroup} error={tried && group === '' ? words.inviteGroupNeeded : undefined} />
        <div className="field"><span className="label">{words.inviteRole}</span><Radio.Group aria-label={words.inviteRole} value={role} onChange={(event) => setRole(event.target.value as 'member' | 'admin')} options={[{ value: 'member', label: a.groups.member }, { value: 'admin', label: a.groups.groupAdmin }]} /></div>
        <div className="field"><span className="label">{words.inviteFor}</span><Radio.Group aria-label={words.inviteFor} value={days} onChange={(event) => setDays(event.target.value as number)} options={DAYS.map((n) => ({ value: n, label: words.days(n) }))} /></div>
        {mail.data?.available && (
          <Field label={words.inviteTo} help={words.inviteToHelp} error={tried && !addressed ? words.emailBad : undefined} optional>
            {(ids) => <Input {...ids} type="text" inputMode="email" autoComplete="off" maxLength={254} value={address} onChange={(event) => setAddress(event.target.value.trim())} />}
          </Field>
        )}
        {make.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(make.error).message}</p>}
      </div>
    </Modal>
  );
}
