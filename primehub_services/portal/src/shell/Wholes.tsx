/** Pages that say why there is no other page. */
import { Button } from 'antd';
import { useEffect, useState } from 'react';
import { Link, useRouteError } from 'react-router';
import { base, hub } from '../lib/base';
import { recall, remember } from '../lib/storage';
import { t } from '../text';

export function NotFound() {
  return (
    <div className="whole">
      <div className="state"><h1>{t.error.notFound}</h1><p>{t.error.notFoundWhy}</p><Link to="/">{t.error.goHome}</Link></div>
    </div>
  );
}

const RELOADED = 'reloadedAt';
const ONCE_IN = 60_000;

/**
 * A page that threw, or a part of the app that did not come, most often because an update has replaced it. The latter is
 * loaded anew at once, for nothing was typed on a page that was not there yet; not again and again, should that not help.
 */
export function Crashed() {
  const error = useRouteError();
  const replaced = error instanceof TypeError && /import|module/i.test(error.message);
  const [again] = useState(() => replaced && Date.now() - recall<number>(RELOADED, 0) > ONCE_IN);
  useEffect(() => {
    if (!again) return;
    remember(RELOADED, Date.now());
    // where nothing can be remembered it would never end
    if (recall<number>(RELOADED, 0) > 0) location.reload();
  }, [again]);
  return (
    <main className="bare">
      <div className="state" role="alert">
        <h1>{replaced ? t.error.refresh : t.error.crashed}</h1>
        {!replaced && <p>{t.error.crashedWhy}</p>}
        <Button type="primary" onClick={() => location.reload()}>{t.error.reload}</Button>
        {!replaced && error instanceof Error && <code>{error.message}</code>}
        <a href={base}>{t.error.goHome}</a>
      </div>
    </main>
  );
}

export function SignedOut() {
  return (
    <main className="bare">
      <div className="state">
        <h1>{t.signedOut.title}</h1>
        <p>{t.signedOut.why}</p>
        <Button type="primary" href={hub.login()}>{t.signedOut.signIn}</Button>
      </div>
    </main>
  );
}
