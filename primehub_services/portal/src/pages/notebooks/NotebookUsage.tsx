import { useQuery } from '@tanstack/react-query';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { clock, cores, memory } from '../../lib/format';
import { number } from '../../lib/resources';
import { Bones, Empty, Failure, Panel, Waiting } from '../../parts/page';
import { QuotaBar } from '../../parts/quota';
import { t } from '../../text';
import { Charts } from '../jobs/Monitoring';

const GIB = 1024 ** 3;

/** What it takes now of what it may take; nothing until it was measured once. */
export function UsageNow({ notebook }: { notebook: Notebook }) {
  const usage = useQuery(ask.notebookUsage(notebook.id, true));
  const last = usage.data?.points.at(-1);
  if (!usage.data || !last) return null;
  const lines = [
    { name: t.resource.cpu!, value: last.cpu / 1000, limit: number(usage.data.limits, 'cpu') ?? 0, show: cores },
    { name: t.resource.memory!, value: last.memory / GIB, limit: number(usage.data.limits, 'memory') ?? 0, show: (v: number) => memory(`${Math.round(v * 1024)}Mi`) },
  ];
  return (
    <Panel title={t.notebook.usageNow} extra={t.notebook.measured(clock(last.at))}>
      {lines.map(({ name, value, limit, show }) => {
        const text = t.jobs.usageOf(show(Math.round(value * 100) / 100), show(limit));
        return <div className="ask" key={name}><span>{name}</span><span className="muted">{text}</span><QuotaBar thin parts={[{ kind: 'mine', amount: Math.min(value, limit) }]} limit={limit} label={`${name}: ${text}`} /></div>;
      })}
      {last.gpus.map((gpu) => <div className="ask" key={gpu.index}><span>{t.resource.gpu} {gpu.index}</span><span className="muted">{gpu.percent} %</span><QuotaBar thin parts={[{ kind: 'mine', amount: gpu.percent }]} limit={100} label={`${t.resource.gpu} ${gpu.index}: ${gpu.percent} %`} /></div>)}
    </Panel>
  );
}

/** Over its life; kept with its log after its end. */
export function UsageOver({ notebook }: { notebook: Notebook }) {
  const usage = useQuery(ask.notebookUsage(notebook.id, notebook.ended_at === null));
  if (usage.error && !usage.data) return <Failure error={usage.error} what={t.jobs.usageFailed} unaffected={t.notebook.unaffected} onRetry={() => void usage.refetch()} />;
  if (!usage.data) return <div style={{ padding: 16 }}><Waiting><Bones rows={4} /></Waiting></div>;
  if (usage.data.points.length === 0) return <Empty title={t.jobs.usageNone}>{t.notebook.usageNoneWhy}</Empty>;
  return <div className="formCol" style={{ paddingTop: 8 }}><Charts points={usage.data.points} limits={usage.data.limits} /></div>;
}
