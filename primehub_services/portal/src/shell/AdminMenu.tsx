import { Activity, Boxes, Cpu, FileClock, Gauge, HardDrive, KeyRound, NotebookPen, Package, Settings, SquareTerminal, Users, type LucideIcon } from 'lucide-react';
import { Link, useLocation } from 'react-router';
import { t } from '../text';
import { a } from '../text/admin';

type Entry = [path: string, text: string, Icon: LucideIcon];
const sections: [string, Entry[]][] = [
  [a.menu.who, [['groups', a.groups.title, Boxes], ['users', a.users.title, Users]]],
  [a.menu.use, [['instance-types', a.types.title, Cpu], ['images', a.images.title, Package], ['volumes', a.volumes.title, HardDrive], ['secrets', a.secrets.title, KeyRound]]],
  [a.menu.runs, [['notebooks', a.notebooks.title, NotebookPen], ['jobs', a.jobs.title, SquareTerminal], ['usage', a.usage.title, Gauge]]],
  [a.menu.platform, [['audit', a.audit.title, FileClock], ['settings', a.settings.title, Settings], ['health', a.health.title, Activity]]],
];

export default function AdminMenu() {
  const { pathname } = useLocation();
  return (
    <>
      <nav className="menu" aria-label={t.shell.adminPages}>
        {sections.map(([title, entries]) => (
          <section key={title} aria-label={title}>
            <h2>{title}</h2>
            <ul>
              {entries.map(([path, text, Icon]) => (
                <li key={path}>
                  <Link to={`/admin/${path}`} title={text} aria-current={pathname === `/admin/${path}` || pathname.startsWith(`/admin/${path}/`) ? 'page' : undefined}>
                    <Icon size={16} strokeWidth={1.75} aria-hidden /><span>{text}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
      <div className="sideFoot"><Link to="/">{t.shell.backToUser}</Link></div>
    </>
  );
}
