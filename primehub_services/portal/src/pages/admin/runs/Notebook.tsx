import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { ask } from '../../../api/queries';
import { exact } from '../../../lib/format';
import { Bones, Facts, Failure, Page, Panel, Waiting } from '../../../parts/page';
import { Status } from '../../../parts/Status';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import { notebookFacts, reasonWords } from '../../notebooks/facts';
import { LogTabs } from '../../notebooks/LogTabs';
import { Gone, isGone } from '../parts/EditPage';

const words = a.notebooks;

/** One start of whatever person, running or over: how it did, its log, its events; to read. */
export default function Notebook() {
  const { id = '' } = useParams();
  const one = useQuery(ask.notebook(id));
  if (isGone(one)) return <Gone name={id} up="/admin/notebooks" title={words.title} />;
  const notebook = one.data;
  return (
    <Page crumbs={{ to: '/admin/notebooks', text: words.title }} title={notebook ? words.of(notebook.user) : words.title} lead={notebook ? exact(notebook.created_at) : '\u00a0'}
      status={notebook && <Status state={notebook.phase} note={notebook.ended_at ? reasonWords(notebook.reason) : ''} big />}>
      {notebook ? (
        <div className="withRail">
          <LogTabs notebook={notebook} />
          <aside className="rail"><Panel title={notebook.ended_at ? t.notebook.whatRan : t.notebook.whatRuns}><Facts rows={notebookFacts(notebook, notebook.group)} /></Panel></aside>
        </div>
      ) : one.error ? <Failure error={one.error} what={words.failedOne} unaffected={a.list.unaffected} onRetry={() => void one.refetch()} />
        : <Waiting><Bones rows={8} widths={[80, 60]} /></Waiting>}
    </Page>
  );
}
