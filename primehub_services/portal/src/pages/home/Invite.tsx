import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { UserPlus } from 'lucide-react';
import { Suspense, lazy, useState } from 'react';
import { ask } from '../../api/queries';
import { useGroup, useMe } from '../../lib/session';
import { t } from '../../text';

// few invite, everybody opens Home
const Dialog = lazy(() => import('./InviteDialog'));

/** A one-time link with which somebody joins the group; for group admins, and for members where the platform says so. */
export function Invite() {
  const group = useGroup();
  const me = useMe();
  const settings = useQuery(ask.settings());
  const [open, setOpen] = useState(false);
  const may = me.platform_admin || group.role === 'admin' || settings.data?.members_may_invite === true;
  if (!may) return null;
  return (
    <>
      <Button icon={<UserPlus size={15} aria-hidden />} onClick={() => setOpen(true)}>{t.invite.button}</Button>
      {open && <Suspense><Dialog onClose={() => setOpen(false)} /></Suspense>}
    </>
  );
}
