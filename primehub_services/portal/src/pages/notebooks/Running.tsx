import { Button } from 'antd';
import { ExternalLink, Square, TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Notebook } from '../../api/types';
import { useNow } from '../../lib/clock';
import { about, duration } from '../../lib/format';
import { groupNamed, useMe } from '../../lib/session';
import { Facts, Page, Panel } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { notebookFacts } from './facts';
import { KeepPanel } from './Keep';
import { labUrl, openLab, startedHere } from './lab';
import { LogTabs } from './LogTabs';
import { UsageNow } from './NotebookUsage';
import { PastButton } from './PastButton';
import { StopDialog } from './StopDialog';

/** Running, or on its way out. */
export function Running({ notebook, path }: { notebook: Notebook; path: string }) {
  const me = useMe();
  const now = useNow();
  const [blocked, setBlocked] = useState(false);
  const [stopping, setStopping] = useState(false);
  const running = notebook.phase === 'RUNNING';
  useEffect(() => {
    if (running && startedHere.take(notebook.id)) queueMicrotask(() => setBlocked(!openLab(notebook, path)));
  }, [running, notebook, path]);
  const open = () => setBlocked(!openLab(notebook, path));
  const left = notebook.idle_deadline ? (Date.parse(notebook.idle_deadline) - now) / 1000 : null;
  const warned = running && notebook.idle_warning_at !== null && Date.parse(notebook.idle_warning_at) <= now;
  const note = running ? (left !== null && left < 3600 ? t.notebook.stopsIn(about(left)) : duration((now - Date.parse(notebook.ready_at ?? notebook.created_at)) / 1000)) : undefined;
  return (
    <Page title={t.notebook.title} status={<Status state={notebook.phase} note={note} big announce />} lead={running ? t.home.lastOn(notebook.image, notebook.instance_type) : t.notebook.stoppingLead}
      actions={running && (
        <>
          <PastButton />
          <Button danger icon={<Square size={13} aria-hidden />} onClick={() => setStopping(true)}>{t.notebook.stop}</Button>
          <Button type="primary" icon={<ExternalLink size={15} aria-hidden />} onClick={open}>{t.notebook.open}</Button>
        </>
      )}>
      {warned && left !== null && <p className="hint" role="alert"><TriangleAlert size={14} aria-hidden /><span>{t.notebook.warned(about(left))}</span></p>}
      {blocked && running && (
        <p className="hint" role="alert"><TriangleAlert size={14} aria-hidden /><span><b>{t.notebook.blocked}</b> <a href={labUrl(notebook, path)} target="primehub-notebook" onClick={() => setBlocked(false)}>{t.notebook.open}</a>. {t.notebook.blockedHow}</span></p>
      )}
      <div className="withRail">
        <LogTabs notebook={notebook} />
        <aside className="rail">
          {running && <KeepPanel notebook={notebook} left={left} />}
          {running && <UsageNow notebook={notebook} />}
          <Panel title={t.notebook.whatRuns}><Facts rows={[[t.notebook.facts.running, duration((now - Date.parse(notebook.ready_at ?? notebook.created_at)) / 1000)], ...notebookFacts(notebook, groupNamed(me, notebook.group))]} /></Panel>
        </aside>
      </div>
      <StopDialog notebook={notebook} open={stopping} onClose={() => setStopping(false)} />
    </Page>
  );
}
