import type { Job } from '../../api/types';
import { Facts, Panel } from '../../parts/page';
import { t } from '../../text';

/** What the job was asked to do. */
export function Definition({ job }: { job: Job }) {
  const variables: [string, React.ReactNode][] = [
    ...Object.entries(job.environment).map(([name, value]): [string, React.ReactNode] => [name, value === null ? <span key={name} className="muted">{t.jobs.variableHidden}</span> : <code key={name}>{value}</code>]),
    ...Object.entries(job.secrets).map(([name, secret]): [string, React.ReactNode] => [name, <span key={name} className="muted">{t.jobs.secretOf(secret)}</span>]),
  ];
  const parameters = Object.entries(job.notebook?.parameters ?? {});
  return (
    <div className="formCol" style={{ paddingTop: 16 }}>
      {job.notebook ? <Panel title={t.jobs.notebook}><code>{job.notebook.path}</code></Panel>
        : <Panel title={t.jobs.command_}><pre className="command" tabIndex={0}>{job.command}</pre></Panel>}
      {parameters.length > 0 && <Panel title={t.jobs.parameters}><Facts rows={parameters.map(([name, value]) => [name, <code key={name}>{JSON.stringify(value)}</code>])} /></Panel>}
      <Panel title={t.jobs.variables}>{variables.length > 0 ? <Facts rows={variables} /> : <p className="small">{t.jobs.variablesNone}</p>}</Panel>
    </div>
  );
}
