import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert } from 'lucide-react';
import { asProblem } from '../../api/client';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { useNow } from '../../lib/clock';
import { duration } from '../../lib/format';
import { groupNamed, useMe } from '../../lib/session';
import { Facts, Page, Panel } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { EventLog } from './EventLog';
import { notebookFacts } from './facts';
import { StageBar } from './StageBar';
import { useStop } from './StopDialog';
import { usualStart } from './usual';

export function Starting({ notebook }: { notebook: Notebook }) {
  const me = useMe();
  const now = useNow(500);
  const stop = useStop(notebook);
  const past = useQuery(ask.pastNotebooks(me.name, notebook.group, 1, 20));
  const usually = usualStart(past.data?.items ?? [], notebook.image);
  const elapsed = (now - Date.parse(notebook.created_at)) / 1000;
  return (
    <Page title={t.notebook.title} status={<Status state="STARTING" note={duration(elapsed)} big announce />} lead={t.notebook.startingLead}
      actions={<Button loading={stop.isPending} onClick={() => stop.mutate()}>{stop.isPending ? t.notebook.cancelling : t.notebook.cancel}</Button>}>
      {stop.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(stop.error).message}</p>}
      <div className="withRail">
        <div className="formCol">
          <Panel><StageBar notebook={notebook} usually={usually} /></Panel>
          <EventLog notebook={notebook} />
        </div>
        <aside className="rail"><Panel title={t.notebook.what}><Facts rows={notebookFacts(notebook, groupNamed(me, notebook.group))} /></Panel></aside>
      </div>
    </Page>
  );
}
