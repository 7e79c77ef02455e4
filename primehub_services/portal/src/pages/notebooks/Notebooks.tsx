import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { ask } from '../../api/queries';
import { useGroup, useMe } from '../../lib/session';
import { Bones, Failure, Page, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';
import { Elsewhere } from './Elsewhere';
import { Running } from './Running';
import { StartForm } from './StartForm';
import { Starting } from './Starting';

/** One address for the one notebook: the form where there is none, else where it is. */
export default function Notebooks() {
  const group = useGroup();
  const me = useMe();
  const [query] = useSearchParams();
  const active = useQuery(ask.activeNotebook(me.name));
  const path = query.get('path') ?? '';
  if (active.data === undefined) {
    return (
      <Page title={t.notebook.title}>
        {active.error
          ? <Panel><Failure error={active.error} what={t.notebook.failedLoad} unaffected={t.notebook.unaffected} onRetry={() => void active.refetch()} /></Panel>
          : <Waiting><div className="withRail"><div className="formCol"><Panel><Bones rows={5} /></Panel><Panel><Bones rows={3} /></Panel></div><div className="rail"><Panel><Bones rows={4} /></Panel></div></div></Waiting>}
      </Page>
    );
  }
  const notebook = active.data;
  if (notebook === null) return <StartForm key="form" />;
  if (notebook.group !== group.group) return <Elsewhere notebook={notebook} />;
  if (notebook.phase === 'STARTING') return <Starting notebook={notebook} />;
  return <Running key={notebook.id} notebook={notebook} path={path} />;
}
