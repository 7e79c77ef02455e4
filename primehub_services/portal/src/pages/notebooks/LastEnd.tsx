import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Info, OctagonX } from 'lucide-react';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { useNow } from '../../lib/clock';
import { useRemembered } from '../../lib/storage';
import { useGroup, useMe } from '../../lib/session';
import { Ago } from '../../parts/page';
import { LinkButton } from '../../parts/LinkButton';
import { t } from '../../text';
import { reasonWords, stoppedBy } from './facts';

const RECENT = 24 * 3600 * 1000;
const words = t.notebook;

/** How the last notebook ended, where its person did not end it: why, its log, and the form below to start again. Until dismissed, for a day. */
export function LastEnd() {
  const group = useGroup();
  const me = useMe();
  const now = useNow(60_000);
  const { data } = useQuery(ask.pastNotebooks(me.name, group.group, 1, 20));
  const [seen, see] = useRemembered('failure-seen', '');
  const last = data?.items[0];
  if (!last || last.id === seen || now - Date.parse(last.ended_at ?? last.created_at) > RECENT) return null;
  const failed = last.phase === 'FAILED';
  if (!failed && (last.phase !== 'STOPPED' || last.reason === '' || stoppedBy(last) === me.name)) return null;
  return (
    <section className={failed ? 'calm bad' : 'calm'} role="status">
      <h2>{failed ? <OctagonX size={18} aria-hidden /> : <Info size={18} aria-hidden />}{failed ? (last.ready_at ? words.failedEnd : words.failedTitle) : ended(last)}</h2>
      <p>{failed && `${words.failedWhy(reasonWords(last.reason))} `}<span className="muted">{t.home.lastOn(last.image, last.instance_type)}, <Ago at={last.ended_at ?? last.created_at} /></span></p>
      <div className="actions">
        <LinkButton to={`/g/${group.group}/notebooks/${last.id}`}>{words.failedLog}</LinkButton>
        <Button type="text" onClick={() => see(last.id)}>{t.shell.dismiss}</Button>
      </div>
    </section>
  );
}

function ended(notebook: Notebook): string {
  const by = stoppedBy(notebook);
  return by === null ? words.endedWhy(reasonWords(notebook.reason)) : words.endedBy(by);
}
