import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { ask } from '../../api/queries';
import type { Job, Resources, UsagePoint } from '../../api/types';
import { cores, memory } from '../../lib/format';
import { number } from '../../lib/resources';
import { Bones, Empty, Failure, Waiting } from '../../parts/page';
import { t } from '../../text';
import { Chart, type Line } from './Chart';

const GIB = 1024 ** 3;

/** What an attempt takes, or took: one small chart for each resource. */
export function Monitoring({ job, attempt, live }: { job: Job; attempt: number; live: boolean }) {
  const usage = useQuery(ask.jobUsage(job.id, attempt, live));
  if (usage.error && !usage.data) return <Failure error={usage.error} what={t.jobs.usageFailed} onRetry={() => void usage.refetch()} />;
  if (!usage.data) return <div style={{ padding: 16 }}><Waiting><Bones rows={4} /></Waiting></div>;
  const { points, limits } = usage.data;
  if (points.length === 0) return <Empty title={t.jobs.usageNone}>{t.jobs.usageNoneWhy}</Empty>;
  return <div className="formCol" style={{ paddingTop: 8 }}><Charts points={points} limits={limits} /></div>;
}

/** The times of the original; null is all of it. */
const SPANS = { '15m': 15, '1h': 60, '3h': 180, all: null } as const;
type Key = keyof typeof SPANS;
const KEYS = Object.keys(SPANS) as Key[];

/** One chart for each resource, of a job's attempt or a notebook, over the time that is chosen; that is in the address. */
export function Charts({ points, limits }: { points: readonly UsagePoint[]; limits: Resources }) {
  const [query, setQuery] = useSearchParams();
  const [at, read] = useState<number | null>(null);
  const chosen = KEYS.find((key) => key === query.get('span')) ?? 'all';
  const choose = (key: Key) => {
    read(null);
    setQuery((before) => {
      if (key === 'all') before.delete('span');
      else before.set('span', key);
      return before;
    }, { replace: true });
  };
  const to = Date.parse(points.at(-1)!.at);
  const minutes = SPANS[chosen];
  const from = minutes === null ? Date.parse(points[0]!.at) : to - minutes * 60_000;
  const seen = points.filter((point) => Date.parse(point.at) >= from);
  const lines: Line[] = [
    { name: t.resource.cpu!, values: seen.map((p) => p.cpu / 1000), limit: number(limits, 'cpu'), show: cores },
    { name: t.resource.memory!, values: seen.map((p) => p.memory / GIB), limit: number(limits, 'memory'), show: (v) => memory(`${Math.round(v * 1024)}Mi`) },
    ...gpus(seen),
  ];
  const times = seen.map((p) => Date.parse(p.at));
  // a cluster's metrics have none
  const unseen = limits.gpu > 0 && points.every((p) => p.gpus.length === 0);
  return (
    <>
      <div className="views" role="group" aria-label={t.jobs.span}>
        {KEYS.map((key) => <button key={key} type="button" aria-pressed={key === chosen} onClick={() => choose(key)}>{t.jobs.spans[key]}</button>)}
      </div>
      {lines.map((line) => <Chart key={line.name} line={line} times={times} span={{ from, to }} probe={{ at, read }} />)}
      {unseen && <p className="small">{t.jobs.usageNoGpus}</p>}
    </>
  );
}

function gpus(points: readonly UsagePoint[]): Line[] {
  const indices = [...new Set(points.flatMap((p) => p.gpus.map((gpu) => gpu.index)))];
  const of = (point: UsagePoint, index: number) => point.gpus.find((gpu) => gpu.index === index);
  return indices.flatMap((index) => [
    { name: `${t.resource.gpu} ${index}`, values: points.map((p) => of(p, index)?.percent ?? null), limit: 100, show: (v: number) => `${Math.round(v)} %` },
    { name: `${t.resource.gpu} ${index}, ${t.resource.memory!.toLowerCase()}`, values: points.map((p) => { const gpu = of(p, index); return gpu ? gpu.memory / GIB : null; }), limit: null, show: (v: number) => memory(`${Math.round(v * 1024)}Mi`) },
  ]);
}
