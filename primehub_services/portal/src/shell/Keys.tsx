import { Suspense, lazy, useEffect, useState } from 'react';
import { useNavigate } from 'react-router';
import { typing } from '../lib/keys';
import { useWorkingGroup } from './SideMenu';

// neither is needed until a key is pressed
const Palette = lazy(() => import('./Palette'));
const KeyHelp = lazy(() => import('./KeyHelp'));

const PAGES: Record<string, string> = { h: 'home', n: 'notebooks', j: 'jobs', r: 'recurring-jobs', q: 'queue' };
const PATIENCE = 1500;
const PALETTE = 'primehub:palette';

export const openPalette = () => dispatchEvent(new Event(PALETTE));

/** Keys that work on every page: Ctrl-K, `g` and a letter, `?`. */
export function Keys() {
  const group = useWorkingGroup();
  const go = useNavigate();
  const [shown, show] = useState<'palette' | 'help' | null>(null);
  useEffect(() => {
    let begun = 0; // when `g` was pressed
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        show('palette');
        return;
      }
      if (typing(event)) return;
      const page = event.timeStamp - begun < PATIENCE ? PAGES[event.key] : undefined;
      begun = event.key === 'g' ? event.timeStamp : 0;
      if (event.key === '?') show('help');
      else if (page !== undefined && group !== null) void go(`/g/${group}/${page}`);
    };
    const open = () => show('palette');
    addEventListener('keydown', press);
    addEventListener(PALETTE, open);
    return () => {
      removeEventListener('keydown', press);
      removeEventListener(PALETTE, open);
    };
  }, [go, group]);
  return (
    <Suspense>
      {shown === 'palette' && <Palette onClose={() => show(null)} onHelp={() => show('help')} />}
      {shown === 'help' && <KeyHelp onClose={() => show(null)} />}
    </Suspense>
  );
}
