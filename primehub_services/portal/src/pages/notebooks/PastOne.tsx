import { useQuery } from '@tanstack/react-query';
import { Play } from 'lucide-react';
import { Navigate, useParams } from 'react-router';
import { asProblem } from '../../api/client';
import { ask } from '../../api/queries';
import { exact } from '../../lib/format';
import { groupNamed, useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Bones, Facts, Failure, Page, Panel, Waiting } from '../../parts/page';
import { Status } from '../../parts/Status';
import { NotFound } from '../../shell/Wholes';
import { t } from '../../text';
import { notebookFacts, reasonWords } from './facts';
import { launchLink } from './lab';
import { LogTabs } from './LogTabs';

/** One start after its end: how it ended, its log, its events. */
export default function PastOne() {
  const group = useGroup();
  const me = useMe();
  const { id = '' } = useParams();
  const one = useQuery(ask.notebook(id));
  const crumbs = { to: `/g/${group.group}/notebooks/past`, text: t.notebook.past };
  if (one.error && asProblem(one.error).status === 404) return <NotFound />;
  if (!one.data) {
    return (
      <Page crumbs={crumbs} title={t.notebook.past}>
        {one.error ? <Panel><Failure error={one.error} what={t.notebook.failedLoad} onRetry={() => void one.refetch()} /></Panel> : <Waiting><Bones rows={8} /></Waiting>}
      </Page>
    );
  }
  const notebook = one.data;
  if (notebook.ended_at === null && notebook.user === me.name) return <Navigate replace to={`/g/${notebook.group}/notebooks`} />;
  if (notebook.group !== group.group) return <Navigate replace to={`/g/${notebook.group}/notebooks/${id}`} />;
  return (
    <Page crumbs={crumbs} title={t.home.lastOn(notebook.image, notebook.instance_type)} status={<Status state={notebook.phase} note={notebook.reason} big />}
      lead={notebook.phase === 'FAILED' ? reasonWords(notebook.reason) : exact(notebook.created_at)}
      actions={<LinkButton icon={<Play size={15} aria-hidden />} to={launchLink(group.group, notebook)}>{t.home.startLast}</LinkButton>}>
      <div className="withRail">
        <LogTabs notebook={notebook} />
        <aside className="rail"><Panel title={t.notebook.whatRan}><Facts rows={notebookFacts(notebook, groupNamed(me, notebook.group))} /></Panel></aside>
      </div>
    </Page>
  );
}
