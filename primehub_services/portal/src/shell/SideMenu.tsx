import { useQuery } from '@tanstack/react-query';
import { BookOpen, CalendarClock, House, Info, ListOrdered, NotebookPen, Package, SlidersHorizontal, SquareTerminal, type LucideIcon } from 'lucide-react';
import { Suspense, lazy } from 'react';
import { Link, useLocation } from 'react-router';
import { ask } from '../api/queries';
import { count } from '../lib/format';
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

type Entry = { to: string; text: string; Icon: LucideIcon; tail?: number | undefined };

// only platform admins need it
const AdminMenu = lazy(() => import('./AdminMenu'));
export const isAdminPage = (pathname: string) => /^\/admin(\/|$)/.test(pathname);

export function SideMenu() {
  const me = useMe();
  const group = useWorkingGroup();
  const counts = useQuery({ ...ask.jobCounts(group ?? '-', '', undefined), enabled: group !== null });
  const { pathname } = useLocation();
  if (me.platform_admin && isAdminPage(pathname)) return <Suspense fallback={<nav className="menu" aria-label={t.shell.pages} />}><AdminMenu /></Suspense>;
  if (group === null) return <nav className="menu" aria-label={t.shell.pages} />;
  const entries: Entry[] = [
    { to: `/g/${group}/home`, text: t.shell.home, Icon: House },
    { to: `/g/${group}/notebooks`, text: t.shell.notebooks, Icon: NotebookPen },
    { to: `/g/${group}/jobs`, text: t.shell.jobs, Icon: SquareTerminal },
    { to: `/g/${group}/recurring-jobs`, text: t.shell.schedules, Icon: CalendarClock },
    { to: `/g/${group}/queue`, text: t.shell.queue, Icon: ListOrdered, tail: counts.data?.phases.PENDING },
  ];
  const admin = me.platform_admin || me.groups.find((g) => g.group === group)?.role === 'admin';
  const groupEntries: Entry[] = admin
    ? [{ to: `/g/${group}/images`, text: t.shell.images, Icon: Package }, { to: `/g/${group}/settings`, text: t.shell.settings, Icon: SlidersHorizontal }]
    : [{ to: `/g/${group}/settings`, text: t.shell.aboutGroup, Icon: Info }];
  return (
    <>
      <nav className="menu" aria-label={t.shell.pages}>
        <Entries entries={entries} pathname={pathname} />
        <h2>{admin ? t.shell.groupAdmin : t.shell.group}</h2>
        <Entries entries={groupEntries} pathname={pathname} />
      </nav>
      <nav className="menu foot" aria-label={t.shell.help}><Entries entries={[{ to: `/g/${group}/guide`, text: t.shell.guide, Icon: BookOpen }]} pathname={pathname} /></nav>
    </>
  );
}

function Entries({ entries, pathname }: { entries: Entry[]; pathname: string }) {
  return (
    <ul>
      {entries.map(({ to, text, Icon, tail }) => (
        <li key={to}>
          <Link to={to} title={text} aria-current={pathname === to || pathname.startsWith(`${to}/`) ? 'page' : undefined}>
            <Icon size={16} strokeWidth={1.75} aria-hidden /><span>{text}</span>{tail !== undefined && tail > 0 && <span className="tail" aria-label={t.shell.waiting(count(tail))}>{count(tail)}</span>}
          </Link>
        </li>
      ))}
    </ul>
  );
}
