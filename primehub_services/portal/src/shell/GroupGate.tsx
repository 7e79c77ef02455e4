import { TriangleAlert } from 'lucide-react';
import { useEffect } from 'react';
import { Link, Navigate, Outlet, useLocation, useParams, useSearchParams } from 'react-router';
import { NoPermission } from '../parts/page';
import { LinkButton } from '../parts/LinkButton';
import { nameOf, useMe } from '../lib/session';
import { remember } from '../lib/storage';
import { t } from '../text';
import { NoGroup } from './NoGroup';

/** Lets only members of the group in the address further; remembers it as the working group. */
export function GroupGate() {
  const me = useMe();
  const { group = '' } = useParams();
  const [query] = useSearchParams();
  const here = me.groups.find((g) => g.group === group);
  const member = here !== undefined;
  const wanted = query.get('group');
  useEffect(() => {
    if (member) remember('group', group);
  }, [member, group]);
  if (!member && me.platform_admin) return <OfAdmin group={group} />;
  if (me.groups.length === 0) return <NoGroup />;
  if (!member) {
    return (
      <div className="whole">
        <NoPermission whole title={t.notInGroup.title(group)} action={<Link to="/">{t.error.goHome}</Link>}>{t.notInGroup.why(me.name)}</NoPermission>
      </div>
    );
  }
  return (
    <>
      {wanted !== null && <p className="hint" role="status"><TriangleAlert size={14} aria-hidden />{t.notebook.unavailable(t.shell.group, wanted, nameOf(here))}</p>}
      {/* another group is another page: nothing chosen in one is carried into the other */}
      <Outlet key={group} />
    </>
  );
}

/** A link of a member's, followed by a platform admin: a job opens where he may read it, for all else the group's admin page is the way in. */
function OfAdmin({ group }: { group: string }) {
  const me = useMe();
  const { pathname } = useLocation();
  const [, section, id] = pathname.split(`/g/${group}`)[1]?.split('/') ?? [];
  if (section === 'jobs' && id !== undefined && id !== 'new') return <Navigate replace to={`/admin/jobs/${id}`} />;
  if (me.groups.length === 0) return <NoGroup />;
  const words = t.notInGroup;
  return (
    <div className="whole">
      <NoPermission whole title={words.title(group)} action={<LinkButton type="primary" to={`/admin/groups/${group}`}>{words.adminGo}</LinkButton>}>{words.admin(me.name)}</NoPermission>
    </div>
  );
}
