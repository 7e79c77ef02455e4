import { useQuery } from '@tanstack/react-query';
import { CalendarClock, House, ListOrdered, NotebookPen, SquareTerminal, type LucideIcon } from 'lucide-react';
import { Suspense, lazy } from 'react';
import { Link, useLocation } from 'react-router';
import { ask } from '../api/queries';
import { useMe } from '../lib/session';
import { recall } from '../lib/storage';
import { t } from '../text';

const Mark = () => <svg viewBox="0 0 20 20" aria-hidden><circle cx="8.5" cy="11.5" r="6.5" /><path d="M17.8 1.5l-1.6 5" /></svg>;

/** The platform's name and logo, once they are known and somebody is signed in. */
export function Brand({ named = false }: { named?: boolean }) {
  const { data } = useQuery({ ...ask.settings(), enabled: named });
  return (
    <Link className="brand" to="/" aria-label={data?.name ?? t.product}>
      {data?.logo ? <img src={data.logo} alt="" /> : <Mark />}{data?.name ?? t.product}
    </Link>
  );
}

/** The working group on pages that are not in one: the last that was worked in. */
export function useWorkingGroup(): string | null {
  const me = useMe();
  const { pathname } = useLocation();
  const here = /^\/g\/([^/]+)/.exec(pathname)?.[1];
  const wanted = here ?? recall('group', '');
  return me.groups.find((g) => g.group === wanted)?.group ?? me.groups[0]?.group ?? null;
}

type Entry = { to: string; text: string; Icon: LucideIcon };

// only platform admins need it
const AdminMenu = lazy(() => import('./AdminMenu'));
export const isAdminPage = (pathname: string) => /^\/admin(\/|$)/.test(pathname);

export function SideMenu() {
  const group = useWorkingGroup();
  const { pathname } = useLocation();
  if (isAdminPage(pathname)) return <Suspense fallback={<nav className="menu" aria-label={t.shell.pages} />}><AdminMenu /></Suspense>;
  if (group === null) return <nav className="menu" aria-label={t.shell.pages} />;
  const entries: Entry[] = [
    { to: `/g/${group}/home`, text: t.shell.home, Icon: House },
    { to: `/g/${group}/notebooks`, text: t.shell.notebooks, Icon: NotebookPen },
    { to: `/g/${group}/jobs`, text: t.shell.jobs, Icon: SquareTerminal },
    { to: `/g/${group}/recurring-jobs`, text: t.shell.schedules, Icon: CalendarClock },
    { to: `/g/${group}/queue`, text: t.shell.queue, Icon: ListOrdered },
  ];
  return (
    <nav className="menu" aria-label={t.shell.pages}>
      <ul>
        {entries.map(({ to, text, Icon }) => (
          <li key={to}>
            <Link to={to} title={text} aria-current={pathname === to || pathname.startsWith(`${to}/`) ? 'page' : undefined}>
              <Icon size={16} strokeWidth={1.75} aria-hidden /><span>{text}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
