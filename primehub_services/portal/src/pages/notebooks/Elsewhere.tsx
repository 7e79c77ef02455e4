import { Button } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { Notebook } from '../../api/types';
import { groupNamed, useMe } from '../../lib/session';
import { Facts, Page, Panel } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { notebookFacts } from './facts';
import { PastButton } from './PastButton';
import { StopDialog } from './StopDialog';

/** One server per person: it runs in another group, and what can be done about that. */
export function Elsewhere({ notebook }: { notebook: Notebook }) {
  const me = useMe();
  const go = useNavigate();
  const [stopping, setStopping] = useState(false);
  const group = groupNamed(me, notebook.group);
  return (
    <Page title={t.notebook.elsewhereTitle} status={<Status state={notebook.phase} big />} actions={<PastButton />}>
      <div className="withRail">
        <section className="calm">
          <h2>{t.notebook.elsewhere(group)}</h2>
          <p>{t.notebook.elsewhereWhy}</p>
          <div className="actions">
            <Button type="primary" onClick={() => void go(`/g/${notebook.group}/notebooks`)}>{t.notebook.elsewhereGo(group)}</Button>
            <Button danger onClick={() => setStopping(true)} disabled={notebook.phase === 'STOPPING'}>{t.notebook.stop}</Button>
          </div>
        </section>
        <aside className="rail"><Panel title={t.notebook.whatRuns}><Facts rows={notebookFacts(notebook, group)} /></Panel></aside>
      </div>
      <StopDialog notebook={notebook} open={stopping} onClose={() => setStopping(false)} />
    </Page>
  );
}
