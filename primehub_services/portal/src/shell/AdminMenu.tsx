import { Link, useLocation } from 'react-router';
import { t } from '../text';
import { sections } from './admin-pages';

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
