import { useQuery } from '@tanstack/react-query';
import { ask } from '../../api/queries';
import type { Job, Resources, UsagePoint } from '../../api/types';
import { useNow } from '../../lib/clock';
import { cores, memory, moment } from '../../lib/format';
import { number } from '../../lib/resources';
import { Bones, Empty, Failure, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';

const GIB = 1024 ** 3;
type Line = { name: string; values: number[]; limit: number | null; show: (value: number) => string };

/** What an attempt takes, or took: one small chart for each resource. */
export function Monitoring({ job, attempt, live }: { job: Job; attempt: number; live: boolean }) {
  const usage = useQuery(ask.jobUsage(job.id, attempt, live));
  if (usage.error && !usage.data) return <Failure error={usage.error} what={t.jobs.usageFailed} onRetry={() => void usage.refetch()} />;
  if (!usage.data) return <div style={{ padding: 16 }}><Waiting><Bones rows={4} /></Waiting></div>;
  const { points, limits } = usage.data;
  if (points.length === 0) return <Empty title={t.jobs.usageNone}>{t.jobs.usageNoneWhy}</Empty>;
  return <div className="formCol" style={{ paddingTop: 16 }}><Charts points={points} limits={limits} /></div>;
}

/** One chart for each resource, of a job's attempt or a notebook. */
export function Charts({ points, limits }: { points: readonly UsagePoint[]; limits: Resources }) {
  const lines: Line[] = [
    { name: t.resource.cpu!, values: points.map((p) => p.cpu / 1000), limit: number(limits, 'cpu'), show: cores },
    { name: t.resource.memory!, values: points.map((p) => p.memory / GIB), limit: number(limits, 'memory'), show: (v) => memory(`${Math.round(v * 1024)}Mi`) },
    ...gpus(points),
  ];
  const times = points.map((p) => Date.parse(p.at));
  // a cluster's metrics have none
  const unseen = limits.gpu > 0 && points.every((p) => p.gpus.length === 0);
  return (
    <>
      {lines.map((line) => <Chart key={line.name} line={line} times={times} />)}
      {unseen && <p className="small">{t.jobs.usageNoGpus}</p>}
    </>
  );
}

function gpus(points: readonly UsagePoint[]): Line[] {
  const indices = [...new Set(points.flatMap((p) => p.gpus.map((gpu) => gpu.index)))];
  const of = (point: UsagePoint, index: number) => point.gpus.find((gpu) => gpu.index === index);
  return indices.flatMap((index) => [
    { name: `${t.resource.gpu} ${index}`, values: points.map((p) => of(p, index)?.percent ?? 0), limit: 100, show: (v: number) => `${Math.round(v)} %` },
    { name: `${t.resource.gpu} ${index}, ${t.resource.memory!.toLowerCase()}`, values: points.map((p) => (of(p, index)?.memory ?? 0) / GIB), limit: null, show: (v: number) => memory(`${Math.round(v * 1024)}Mi`) },
  ]);
}

const W = 800;
const H = 96;
/** Longer without a measurement than the 300 s at which old ones are kept (`thin` in `domain/results.py`), with room for a late one. */
const GAP = 900_000;

/** The points in runs between which nothing was measured: over a gap there is no line. Times in ms. */
export function unbroken(times: readonly number[]): number[][] {
  const runs: number[][] = [];
  times.forEach((at, i) => {
    if (i === 0 || at - times[i - 1]! > GAP) runs.push([]);
    runs.at(-1)!.push(i);
  });
  return runs;
}

function Chart({ line, times }: { line: Line; times: readonly number[] }) {
  const now = useNow(60_000);
  const { values, limit, show } = line;
  const peak = Math.max(...values);
  const top = Math.max(limit ?? 0, peak) || 1;
  const from = times[0]!;
  const to = times.at(-1)!;
  const x = (i: number) => (to > from ? ((times[i]! - from) / (to - from)) * W : W);
  const y = (value: number) => H - (value / top) * (H - 4) - 1;
  const runs = unbroken(times).map((run) => ({
    path: run.map((i, at) => `${at === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(values[i]!).toFixed(1)}`).join(''), from: x(run[0]!).toFixed(1), to: x(run.at(-1)!).toFixed(1),
  }));
  const last = show(round(values.at(-1)!));
  const says = `${limit === null ? last : t.jobs.usageOf(last, show(limit))}, ${t.jobs.usagePeak(show(round(peak)))}`;
  return (
    <Panel title={line.name} extra={says}>
      <svg className="chart" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" role="img" aria-label={`${line.name}: ${says}`}>
        <path className="area" d={runs.map((run) => `${run.path}L${run.to} ${H}L${run.from} ${H}Z`).join('')} />
        <path className="line" d={runs.map((run) => run.path).join('')} vectorEffect="non-scaling-stroke" />
      </svg>
      <p className="axis"><span>{moment(new Date(from).toISOString(), now)}</span><span>{moment(new Date(to).toISOString(), now)}</span></p>
    </Panel>
  );
}

const round = (value: number) => Math.round(value * 100) / 100;
