import { useState, type KeyboardEvent, type PointerEvent } from 'react';
import { useNow } from '../../lib/clock';
import { exact, moment } from '../../lib/format';
import { Panel } from '../../parts/page';
import { t } from '../../text';

/** One resource: its values, beside the times of the measurements; null is what one of them lacks. */
export type Line = { name: string; values: (number | null)[]; limit: number | null; show: (value: number) => string };
/** From when to when it is drawn, in ms. */
export type Span = { from: number; to: number };
/** The time that is read, in ms, in every chart of the page at once. */
export type Probe = { at: number | null; read: (at: number | null) => void };

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

/** The end of an axis: 1, 2, 2.5 or 5 of its power of ten, at least what is shown on it. */
export function roundUp(most: number): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((end) => end >= most * 0.999)!;
}

/** The measurement nearest to a moment. */
export function nearest(times: readonly number[], wanted: number): number {
  return times.reduce((best, at, i) => (Math.abs(at - wanted) < Math.abs(times[best]! - wanted) ? i : best), 0);
}

const round = (value: number) => Math.round(value * 100) / 100;

/** Values against time, from nothing to the limit; pointer, finger or arrow keys read one. */
export function Chart({ line, times, span, probe }: { line: Line; times: readonly number[]; span: Span; probe: Probe }) {
  const now = useNow(60_000);
  const { name, values, limit, show } = line;
  const measured = times.map((_, i) => i).filter((i) => values[i] !== null);
  const peak = Math.max(0, ...measured.map((i) => values[i]!));
  const top = limit !== null && limit > 0 && peak <= limit ? limit : roundUp(Math.max(limit ?? 0, peak));
  const length = span.to - span.from;
  const part = (i: number) => (length > 0 ? (times[i]! - span.from) / length : 1);
  const y = (value: number) => H - (value / top) * (H - 2) - 1;
  const runs = unbroken(measured.map((i) => times[i]!)).map((run) => run.map((at) => measured[at]!)).map((run) => ({
    path: run.map((i, at) => `${at === 0 ? 'M' : 'L'}${(part(i) * W).toFixed(1)} ${y(values[i]!).toFixed(1)}`).join(''),
    from: (part(run[0]!) * W).toFixed(1), to: (part(run.at(-1)!) * W).toFixed(1),
  }));
  const value = (i: number | undefined) => (i === undefined || values[i] === null ? t.jobs.usageNot : show(round(values[i]!)));
  const last = value(measured.at(-1));
  const says = `${limit === null ? last : t.jobs.usageOf(last, show(limit))}, ${t.jobs.usagePeak(show(round(peak)))}`;
  const time = (at: number) => moment(new Date(at).toISOString(), now);
  return (
    <Panel title={name} extra={says}>
      <div className="chartBox">
        <p className="values" aria-hidden><span>{show(round(top))}</span><span>{show(round(top / 2))}</span><span>0</span></p>
        <div className="plot">
          <svg className="chart" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" role="img" aria-label={`${name}: ${says}`}>
            <path className="rule" d={`M0 1H${W}M0 ${H / 2}H${W}`} vectorEffect="non-scaling-stroke" />
            <path className="area" d={runs.map((run) => `${run.path}L${run.to} ${H}L${run.from} ${H}Z`).join('')} />
            <path className="line" d={runs.map((run) => run.path).join('')} vectorEffect="non-scaling-stroke" />
            {limit !== null && limit < top && <path className="limit" d={`M0 ${y(limit)}H${W}`} vectorEffect="non-scaling-stroke" />}
          </svg>
          <Reader name={name} times={times} span={span} probe={probe} left={(i) => part(i) * 100} height={(i) => (values[i] === null ? null : (y(values[i]!) / H) * 100)} says={(i) => ({ value: value(i), time: time(times[i]!) })} />
        </div>
        <p className="axis" aria-hidden><span>{time(span.from)}</span><span>{time(span.from + length / 2)}</span><span>{time(span.to)}</span></p>
      </div>
    </Panel>
  );
}

/** Lies over a chart and reads the measurement that is pointed to, or stepped to by keys. */
function Reader({ name, times, span, probe, left, height, says }: {
  name: string; times: readonly number[]; span: Span; probe: Probe; left: (i: number) => number; height: (i: number) => number | null; says: (i: number) => { value: string; time: string };
}) {
  const [focused, focus] = useState(false);
  const end = times.length - 1;
  const at = probe.at === null ? null : nearest(times, probe.at);
  const shown = at ?? end;
  const words = says(shown);
  const point = (event: PointerEvent<HTMLElement>) => {
    const { left: x, width } = event.currentTarget.getBoundingClientRect();
    probe.read(span.from + ((event.clientX - x) / (width || 1)) * (span.to - span.from));
  };
  const step = (event: KeyboardEvent) => {
    const to = ({ ArrowLeft: shown - 1, ArrowDown: shown - 1, ArrowRight: shown + 1, ArrowUp: shown + 1, PageDown: shown - 10, PageUp: shown + 10, Home: 0, End: end } as Record<string, number>)[event.key];
    if (to === undefined) return;
    event.preventDefault();
    probe.read(times[Math.max(0, Math.min(end, to))]!);
  };
  return (
    <div className="reader" role="slider" tabIndex={0} aria-label={t.jobs.usageRead(name)} aria-valuemin={0} aria-valuemax={end} aria-valuenow={shown}
      aria-valuetext={t.jobs.usageAt(words.value, exact(new Date(times[shown]!).toISOString()))}
      onPointerMove={point} onPointerDown={point} onPointerLeave={() => { if (!focused) probe.read(null); }}
      onFocus={() => focus(true)} onBlur={() => { focus(false); probe.read(null); }} onKeyDown={step}>
      {at !== null && (
        <>
          <i className="at" style={{ left: `${left(at)}%` }} />
          {height(at) !== null && <i className="dot" style={{ left: `${left(at)}%`, top: `${height(at)}%` }} />}
          <span className={left(at) > 60 ? 'read back' : 'read'} style={left(at) > 60 ? { right: `${100 - left(at)}%` } : { left: `${left(at)}%` }}><b>{words.value}</b> {words.time}</span>
        </>
      )}
    </div>
  );
}
