import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Modal, Radio } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { api, asProblem, body } from '../../../api/client';
import { exact } from '../../../lib/format';
import { useMe } from '../../../lib/session';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { GroupField } from '../parts/Access';
import { Once } from '../parts/Once';
import { linkOf } from './links';

const words = a.users;
const DAYS = [1, 7, 30];

/** A link into a group, for one person. */
export function Invite({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const queries = useQueryClient();
  const [group, setGroup] = useState('');
  const [role, setRole] = useState<'member' | 'admin'>('member');
  const [days, setDays] = useState(1);
  const [tried, setTried] = useState(false);
  const make = useMutation({
    mutationFn: () => body(api.POST('/invitations', { body: { group, role, user: null, expires_in: days * 86_400 } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['invitations'] }),
  });
  if (make.data) return <Once title={words.inviteMade} value={linkOf(make.data.token)} more={words.until(exact(make.data.expires_at))} onClose={onClose} />;
  return (
    <Modal open title={words.inviteTitle} onCancel={onClose} width={480} footer={(
      <>
        <Button onClick={onClose}>{t.form.cancel}</Button>
        <Button type="primary" loading={make.isPending} onClick={() => {
          setTried(true);
          if (group !== '') make.mutate();
        }}>{words.inviteGo}</Button>
      </>
    )}>
      <div className="fields" style={{ padding: '8px 0' }}>
        <p className="small">{words.inviteWhy(me.local_accounts)}</p>
        <GroupField label={words.inviteGroup} value={group} onChange={setGroup} error={tried && group === '' ? words.inviteGroupNeeded : undefined} />
        <div className="field"><span className="label">{words.inviteRole}</span><Radio.Group aria-label={words.inviteRole} value={role} onChange={(event) => setRole(event.target.value as 'member' | 'admin')} options={[{ value: 'member', label: a.groups.member }, { value: 'admin', label: a.groups.groupAdmin }]} /></div>
        <div className="field"><span className="label">{words.inviteFor}</span><Radio.Group aria-label={words.inviteFor} value={days} onChange={(event) => setDays(event.target.value as number)} options={DAYS.map((n) => ({ value: n, label: words.days(n) }))} /></div>
        {make.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(make.error).message}</p>}
      </div>
    </Modal>
  );
}
