import { useQuery } from '@tanstack/react-query';
import { CircleCheck, TriangleAlert } from 'lucide-react';
import { admin, type Part, type PlatformStatus } from '../../../api/admin';
import { exact } from '../../../lib/format';
import { Ago, Bones, Facts, Failure, Page, Panel, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';

const words = a.health;
const CONTROLLER = /^controller /;
/** What is not sandboxed stands on top of all that is wrong. */
const weight = (part: Part) => (part.status === 'ok' ? 2 : part.name === 'sandbox' || part.name === 'network' ? 0 : 1);
export const sorted = (parts: readonly Part[]) => [...parts].sort((x, y) => weight(x) - weight(y));
const nameOf = ({ name }: Part) => (CONTROLLER.test(name) ? words.controller(name.replace(CONTROLLER, '')) : words.names[name] ?? `${name[0]!.toUpperCase()}${name.slice(1)}`);

/** Worst first; each line a state, a sentence, what to do. */
export default function Health() {
  const status = useQuery(admin.status());
  const wrong = status.data?.parts.filter((part) => part.status !== 'ok').length ?? 0;
  return (
    <Page title={words.title} lead={status.data ? words.lead(exact(status.data.started_at)) : '\u00a0'}>
      {status.error && !status.data ? <Failure error={status.error} what={words.failed} unaffected={a.list.unaffected} onRetry={() => void status.refetch()} />
        : status.data ? (
          <>
            <p className={`healthLead ${wrong ? 'warnText' : 'okText'}`} role="status">{wrong ? <TriangleAlert size={18} aria-hidden /> : <CircleCheck size={18} aria-hidden />}{wrong ? words.wrong(wrong) : words.allWell}</p>
            <Parts status={status.data} />
          </>
        ) : <Waiting><Bones rows={10} widths={[70, 90]} /></Waiting>}
    </Page>
  );
}

function Parts({ status }: { status: PlatformStatus }) {
  const quiet = status.parts.filter((part) => part.status === 'ok' && CONTROLLER.test(part.name));
  const shown = sorted(status.parts.filter((part) => !quiet.includes(part)));
  return (
    <div className="withRail">
      <ul className="health" aria-label={words.parts}>
        {shown.map((part) => (
          <li key={part.name}>
            {part.status === 'ok' ? <CircleCheck size={16} className="okText" aria-hidden /> : <TriangleAlert size={16} className="warnText" aria-hidden />}
            <div>
              <b>{nameOf(part)}</b> <span className={part.status === 'ok' ? 'muted' : 'warnText'}>{part.status === 'ok' ? words.ok : words.degraded}</span>{part.since && <span className="muted"> {words.since} <Ago at={part.since} /></span>}
              {part.message && <p>{part.message}</p>}
              {part.help && part.status !== 'ok' && <p className="muted">{words.mend}: {part.help}</p>}
            </div>
          </li>
        ))}
        {quiet.length > 0 && (
          <li><CircleCheck size={16} className="okText" aria-hidden /><details className="fold"><summary>{words.controllersOk(quiet.length)}</summary><p className="small">{quiet.map((part) => part.name.replace(CONTROLLER, '')).join(', ')}</p></details></li>
        )}
      </ul>
      <aside className="rail">
        <Panel title={words.versions}><Facts rows={[...Object.entries(status.versions).map(([name, version]) => [name === 'primehub' ? 'PrimeHub' : name === 'hub' ? 'JupyterHub' : name, version] as [string, string]), [words.engine, words.engines[status.engine] ?? status.engine]]} /><p className="small muted metrics">{words.metrics}</p></Panel>
      </aside>
    </div>
  );
}
