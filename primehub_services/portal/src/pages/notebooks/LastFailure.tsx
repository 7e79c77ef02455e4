import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { OctagonX } from 'lucide-react';
import { ask } from '../../api/queries';
import { useNow } from '../../lib/clock';
import { useRemembered } from '../../lib/storage';
import { useGroup, useMe } from '../../lib/session';
import { Ago } from '../../parts/page';
import { LinkButton } from '../../parts/LinkButton';
import { t } from '../../text';
import { reasonWords } from './facts';

const RECENT = 24 * 3600 * 1000;

/** The last start failed: why, its log, and the form below to try again. Until dismissed, for a day. */
export function LastFailure() {
  const group = useGroup();
  const me = useMe();
  const now = useNow(60_000);
  const { data } = useQuery(ask.pastNotebooks(me.name, group.group, 1, 20));
  const [seen, see] = useRemembered('failure-seen', '');
  const last = data?.items[0];
  if (last?.phase !== 'FAILED' || last.id === seen || now - Date.parse(last.ended_at ?? last.created_at) > RECENT) return null;
  return (
    <section className="calm bad" role="status">
      <h2><OctagonX size={18} aria-hidden />{last.ready_at ? t.notebook.failedEnd : t.notebook.failedTitle}</h2>
      <p>{t.notebook.failedWhy(reasonWords(last.reason))} <span className="muted">{t.home.lastOn(last.image, last.instance_type)}, <Ago at={last.ended_at ?? last.created_at} /></span></p>
      <div className="actions">
        <LinkButton to={`/g/${group.group}/notebooks/${last.id}`}>{t.notebook.failedLog}</LinkButton>
        <Button type="text" onClick={() => see(last.id)}>{t.shell.dismiss}</Button>
      </div>
    </section>
  );
}
