import { useEffect } from 'react';
import { useMe } from '../lib/session';
import { t } from '../text';

export function NoGroup() {
  const me = useMe();
  useEffect(() => {
    document.title = `${t.noGroup.title} · PrimeHub`;
  }, []);
  return (
    <div className="whole">
      <div className="state">
        <h1>{t.noGroup.title}</h1>
        <p>{t.noGroup.why(me.name)}</p>
      </div>
    </div>
  );
}
