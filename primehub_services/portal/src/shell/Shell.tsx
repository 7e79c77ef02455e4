import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Menu as MenuIcon, Search } from 'lucide-react';
import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { Outlet, useLocation, useNavigation, useNavigationType, NavigationType } from 'react-router';
import { asProblem, whenSignedOut } from '../api/client';
import { ask } from '../api/queries';
import type { Me } from '../api/types';
import { LiveProvider } from '../live/live';
import { SessionContext } from '../lib/session';
import { Bones, Failure, Waiting } from '../parts/page';
import { t } from '../text';
import { Banners } from './Banners';
import { Brand, SideMenu, isAdminPage } from './SideMenu';
import { GroupSwitch } from './GroupSwitch';
import { Keys, openPalette } from './Keys';
import { ProfileMenu } from './ProfileMenu';
import { SessionEnd, SessionWatch } from './SessionEnd';
import { SignedOut } from './Wholes';

// only phones need it
const Drawer = lazy(() => import('./MenuDrawer'));

/** Who is signed in comes first; without an answer there is no page to show. */
export function Shell() {
  const me = useQuery(ask.me());
  const [ended, setEnded] = useState(0); // when a request last found that nobody is signed in
  useEffect(() => whenSignedOut(() => setEnded(Date.now())), []);
  if (me.data !== undefined) return <Session me={me.data} over={ended > me.dataUpdatedAt} />;
  if (ended > 0 || (me.error && asProblem(me.error).status === 401)) return <SignedOut />;
  return (
    <Frame>
      <h1 className="sr">{t.product}</h1>
      {me.error
        ? <div className="whole"><Failure error={me.error} what={t.error.noAnswer} onRetry={() => void me.refetch()} /></div>
        : <div className="page"><Waiting><Bones rows={6} /></Waiting></div>}
    </Frame>
  );
}

/** All that one person sees. Where it is over, the page is kept under that word, with what was typed in it. */
function Session({ me, over }: { me: Me; over: boolean }) {
  const [whose] = useState(me.name);
  const another = me.name !== whose;
  useEffect(() => {
    if (another) location.reload(); // what is kept here is not theirs
  }, [another]);
  if (another) return null;
  return (
    <SessionContext value={me}>
      <LiveProvider>
        <Frame menus banners><Suspense><Outlet /></Suspense></Frame>
        <SessionWatch />
        {over && <SessionEnd />}
      </LiveProvider>
    </SessionContext>
  );
}

function Frame({ menus, banners, children }: { menus?: boolean; banners?: boolean; children: React.ReactNode }) {
  const [openAt, setOpenAt] = useState<string | null>(null); // the menu closes by going to another page
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const navigation = useNavigation();
  const back = useNavigationType() === NavigationType.Pop; // the browser knows where it was; so does a link into the page
  useEffect(() => {
    if (!back && location.hash === '') scrollTo(0, 0);
    // another way to the same page moves nothing
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [pathname]);
  return (
    <div className="shell">
      <a className="skip" href={`${location.pathname}${location.search}#main`} onClick={(event) => {
        event.preventDefault(); // <base> would make the fragment another page
        main.current?.focus();
        main.current?.scrollIntoView();
      }}>{t.shell.skip}</a>
      <header className="side">
        <Brand named={menus} />
        {menus && <SideMenu />}
      </header>
      {menus && openAt !== null && <Suspense><Drawer open={openAt === pathname} onClose={() => setOpenAt(null)} /></Suspense>}
      <div className="main">
        <div className="top" role="region" aria-label={t.shell.account}>
          <Button className="burger" type="text" aria-label={t.shell.openMenu} icon={<MenuIcon size={18} aria-hidden />} onClick={() => setOpenAt(pathname)} />
          {menus && <button type="button" className="jump" onClick={openPalette} aria-keyshortcuts="Control+K"><Search size={15} aria-hidden /><span>{t.shell.jump}</span><kbd aria-hidden>Ctrl K</kbd></button>}
          <div className="topEnd">
            {menus && <>{isAdminPage(pathname) ? <span className="where">{t.shell.adminPortal}</span> : <GroupSwitch />}<ProfileMenu /></>}
          </div>
        </div>
        {menus && <Keys />}
        {banners && <Banners />}
        <main id="main" ref={main} tabIndex={-1} aria-busy={navigation.state === 'loading' || undefined}>{children}</main>
      </div>
    </div>
  );
}
