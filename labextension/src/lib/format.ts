/** Amounts and times as people read them; the same words as the portal's. */
import type { Resources, Usage } from '../types';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const FACTORS: Record<string, number> = { K: 1024, M: MIB, G: GIB, T: 1024 * GIB };
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** `8Gi`, `512Mi` or a bare number of GiB, as bytes. */
export function bytes(text: string | number): number {
  const match = /^([0-9.]+)\s*([KMGT])?/i.exec(String(text).trim());
  return match ? Number(match[1]) * FACTORS[(match[2] ?? 'G').toUpperCase()]! : 0;
}

export function memory(text: string | number): string {
  const amount = bytes(text);
  return amount > 0 && amount < GIB ? `${number.format(amount / MIB)} MiB` : `${number.format(amount / GIB)} GiB`;
}

export const cores = (value: number) => `${number.format(value)} ${value === 1 ? 'core' : 'cores'}`;
export const gpus = (value: number) => `${number.format(value)} ${value === 1 ? 'GPU' : 'GPUs'}`;

/** `0.5 cores, 1 GiB`, and GPUs where there are any. */
export function resources(limits: Resources): string {
  return [cores(limits.cpu), memory(limits.memory), ...(limits.gpu > 0 ? [gpus(limits.gpu)] : [])].join(', ');
}

/** What is used of each limit: `2/4 cores`, `8 GiB of 16 GiB`; only what has a limit or is used. */
export function quota(usage: Usage): { short: string; lines: string[] } {
  const { quota: limit, used } = usage;
  const lines = [
    limit.cpu === null ? cores(used.cpu) : `${number.format(used.cpu)} of ${cores(limit.cpu)}`,
    limit.memory === null ? memory(used.memory) : `${memory(used.memory)} of ${memory(limit.memory)}`,
  ];
  if (used.gpu > 0 || (limit.gpu ?? 0) > 0) lines.push(limit.gpu === null ? gpus(used.gpu) : `${used.gpu} of ${gpus(limit.gpu)}`);
  const graphics = (limit.gpu ?? 0) > 0 ? `, ${used.gpu}/${gpus(limit.gpu!)}` : '';
  return { short: (limit.cpu === null ? cores(used.cpu) : `${number.format(used.cpu)}/${cores(limit.cpu)}`) + graphics, lines };
}

/** `18 min 32 s`: two units at most. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const units: [number, string][] = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = units.findIndex(([size]) => s >= size);
  const [size, name] = units[first]!;
  const next = units[first + 1];
  const rest = next ? Math.floor((s % size) / next[0]) : 0;
  return `${Math.floor(s / size)} ${name}${rest && next ? ` ${rest} ${next[1]}` : ''}`;
}

/** One unit: `41 min`. Under a minute, seconds. */
export function about(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

/** A moment in a time zone, `Mon, 23 Nov 2026, 04:00`; in the reader's own where the zone is unknown to the browser. */
export function moment(at: string, timeZone?: string): string {
  const form = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const when = new Date(at);
  try {
    return new Intl.DateTimeFormat('en-GB', { ...form, timeZone }).format(when);
  } catch {
    return new Intl.DateTimeFormat('en-GB', form).format(when);
  }
}

/** Seconds from one moment to another, or to now. */
export const between = (from: string, to: string | number) => ((typeof to === 'number' ? to : Date.parse(to)) - Date.parse(from)) / 1000;

/** `analysis/train.ipynb` as `train`. */
export const stem = (path: string) => path.slice(path.lastIndexOf('/') + 1).replace(/\.ipynb$/, '');
