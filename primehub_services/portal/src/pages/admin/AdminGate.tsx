import { Link, Outlet, useLocation } from 'react-router';
import { useMe, nameOf } from '../../lib/session';
import { NoPermission } from '../../parts/page';
import { t } from '../../text';
import { a } from '../../text/admin';
import './admin.css';

/** Lets only platform admins further; the API refuses the others anyway. */
export default function AdminGate() {
  const me = useMe();
  const { pathname } = useLocation();
  if (me.platform_admin) return <Outlet />;
  const words = a.gate;
  const group = me.groups[0];
  return (
    <div className="whole">
      <NoPermission whole title={words.title(words.pages[pathname.split('/')[2] ?? ''] ?? t.shell.adminPortal)} action={<Link to="/">{t.error.goHome}</Link>}>
        {words.why(me.name, group ? nameOf(group) : null)}
      </NoPermission>
    </div>
  );
}
