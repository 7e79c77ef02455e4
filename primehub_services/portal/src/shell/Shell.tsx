import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { Menu as MenuIcon, Search } from 'lucide-react';
import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { Outlet, useLocation, useNavigation } from 'react-router';
import { asProblem, whenSignedOut } from '../api/client';
import { ask } from '../api/queries';
import { LiveProvider, useLive } from '../live/live';
import { SessionContext } from '../lib/session';
import { Bones, Failure, Waiting } from '../parts/page';
import { t } from '../text';
import { Banners } from './Banners';
import { Brand, SideMenu, isAdminPage } from './SideMenu';
import { GroupSwitch } from './GroupSwitch';
import { Keys, openPalette } from './Keys';
import { ProfileMenu } from './ProfileMenu';
import { SignedOut } from './Wholes';

// only phones need it
const Drawer = lazy(() => import('./MenuDrawer'));

/** Who is signed in comes first; without an answer there is no page to show. */
export function Shell() {
  const [out, setOut] = useState(false);
  const me = useQuery(ask.me());
  useEffect(() => whenSignedOut(() => setOut(true)), []);
  if (out || (me.error && asProblem(me.error).status === 401)) return <SignedOut />;
  if (me.data === undefined) {
    return (
      <Frame>
        <h1 className="sr">{t.product}</h1>
        {me.error
          ? <div className="whole"><Failure error={me.error} what={t.error.noAnswer} onRetry={() => void me.refetch()} /></div>
          : <div className="page"><Waiting><Bones rows={6} /></Waiting></div>}
      </Frame>
    );
  }
  return (
    <SessionContext value={me.data}>
      <LiveProvider>
        <Frame menus banners onSignedOut={() => setOut(true)}><Suspense><Outlet /></Suspense></Frame>
      </LiveProvider>
    </SessionContext>
  );
}

function Frame({ menus, banners, onSignedOut, children }: {
  menus?: boolean; banners?: boolean; onSignedOut?: () => void; children: React.ReactNode;
}) {
  const [openAt, setOpenAt] = useState<string | null>(null); // the menu closes by going to another page
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const navigation = useNavigation();
  useEffect(() => {
    scrollTo(0, 0);
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
        {banners && <><SignedOutWatch onSignedOut={onSignedOut} /><Banners /></>}
        <main id="main" ref={main} tabIndex={-1} aria-busy={navigation.state === 'loading' || undefined}>{children}</main>
      </div>
    </div>
  );
}

/** The event stream is the first to hear that the session has ended; the API is asked once before it is believed. */
function SignedOutWatch({ onSignedOut }: { onSignedOut: (() => void) | undefined }) {
  const { state } = useLive();
  const queries = useQueryClient();
  useEffect(() => {
    if (state.is !== 'signed-out') return;
    queries.query({ ...ask.me(), staleTime: 0 }).catch((error: unknown) => {
      if (asProblem(error).status === 401) onSignedOut?.();
    });
  }, [state, queries, onSignedOut]);
  return null;
}
