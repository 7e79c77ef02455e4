import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Info, OctagonX, TriangleAlert, WifiOff, type LucideIcon } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import { ask } from '../api/queries';
import type { Announcement } from '../api/types';
import { hub } from '../lib/base';
import { useNow } from '../lib/clock';
import { known } from '../lib/known';
import { useMe } from '../lib/session';
import { useRemembered } from '../lib/storage';
import { useLive } from '../live/live';
import { t } from '../text';
import { useWorkingGroup } from './SideMenu';

const icons: Record<string, LucideIcon | undefined> = { info: Info, warning: TriangleAlert, error: OctagonX };
const weight = { error: 0, warning: 1, info: 2 };
const weightOf = ({ level }: Announcement) => known(weight, level) ?? weight.info;

/** A line above every page: what is said, and at most one thing to do about it. */
function Banner({ level, Icon = icons[level] ?? Info, urgent, children, action }: { level: Announcement['level']; Icon?: LucideIcon; urgent?: boolean; children: ReactNode; action: ReactNode }) {
  return <div className={`banner ${level}`} role={urgent ? 'alert' : 'status'}><Icon size={16} aria-hidden /><p>{children}</p>{action}</div>;
}

/** What concerns the page itself first, then what the platform has to say (its licence has its place here), then what people announce, most serious first. */
export function Banners() {
  const me = useMe();
  return (
    <div className="banners" role="region" aria-label={t.shell.banners}>
      <Connection />
      {me.must_change_password && <Banner level="warning" urgent action={<Button size="small" href={hub.changePassword}>{t.shell.choosePassword}</Button>}>{t.shell.mustChange}</Banner>}
      <Announcements />
    </div>
  );
}

function Announcements() {
  const group = useWorkingGroup();
  const now = useNow(30_000);
  const { data } = useQuery(ask.announcements());
  const [dismissed, dismiss] = useRemembered<string[]>('dismissed', []);
  const due = ({ starts_at, ends_at }: Announcement) =>
    (!starts_at || Date.parse(starts_at) <= now) && (!ends_at || Date.parse(ends_at) > now);
  const shown = (data?.items ?? [])
    .filter((a) => due(a) && !dismissed.includes(a.id) && (!a.group || a.group === group))
    .sort((a, b) => weightOf(a) - weightOf(b));
  return shown.map((a) => (
    <Banner key={a.id} level={a.level} action={<Button size="small" type="text" aria-label={t.shell.dismissThis(a.message)} onClick={() => dismiss([...dismissed.slice(-50), a.id])}>{t.shell.dismiss}</Button>}>{a.message}</Banner>
  ));
}

/** Said only when the stream stays away: a blink of the network is nobody's business. */
function Connection() {
  const { state } = useLive();
  return state.is === 'open' || state.is === 'signed-out' ? null : <Away />;
}

function Away() {
  const { state, retry } = useLive();
  const [said, say] = useState(false);
  const now = useNow();
  useEffect(() => {
    const timer = setTimeout(() => say(true), 4000);
    return () => clearTimeout(timer);
  }, []);
  if (!said) return null;
  const left = state.is === 'lost' ? Math.ceil((state.retryAt - now) / 1000) : 0;
  return <Banner level="warning" Icon={WifiOff} action={<Button size="small" onClick={retry}>{t.shell.tryNow}</Button>}>{left > 0 ? t.shell.lost(left) : t.shell.losing}</Banner>;
}
