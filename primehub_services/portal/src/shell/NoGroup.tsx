import { useMe } from '../lib/session';
import { LinkButton } from '../parts/LinkButton';
import { useTitle } from '../parts/title';
import { t } from '../text';

export function NoGroup() {
  const me = useMe();
  useTitle(t.noGroup.title);
  return (
    <div className="whole">
      <div className="state">
        <h1>{t.noGroup.title}</h1>
        <p>{t.noGroup.why(me.name)} {me.platform_admin ? t.noGroup.admin : t.noGroup.others} {t.noGroup.notices}</p>
        {me.platform_admin && <LinkButton type="primary" to="/admin/groups">{t.noGroup.adminGo}</LinkButton>}
      </div>
    </div>
  );
}
