/** Pages that say why there is no other page. */
import { Button } from 'antd';
import { Link, useRouteError } from 'react-router';
import { base, hub } from '../lib/base';
import { t } from '../text';

export function NotFound() {
  return (
    <div className="whole">
      <div className="state"><h1>{t.error.notFound}</h1><p>{t.error.notFoundWhy}</p><Link to="/">{t.error.goHome}</Link></div>
    </div>
  );
}

/** A page that threw, or a part of the app that an update of the platform has replaced. */
export function Crashed() {
  const error = useRouteError();
  const replaced = error instanceof TypeError && /import|module/i.test(error.message);
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
