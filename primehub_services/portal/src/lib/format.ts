/** Numbers and times as people read them; the same words as the API's and the command's. */
import { units } from '../text/units';

const number = new Intl.NumberFormat(units.language, { maximumFractionDigits: 2 });
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const FACTORS: Record<string, number> = { m: MIB, g: GIB, t: 1024 * GIB };

export const count = (value: number) => number.format(value);

/** `8Gi`, `512Mi`, `8 GiB` or a bare number of GiB, as bytes. */
export function bytes(text: string | number): number {
  const match = /^([0-9.]+)\s*([MGT])?/i.exec(String(text).trim());
  return match ? Number(match[1]) * FACTORS[(match[2] ?? 'g').toLowerCase()]! : 0;
}

export const gib = (text: string | number) => bytes(text) / GIB;

export function memory(text: string | number): string {
  const amount = bytes(text);
  return amount > 0 && amount < GIB ? units.mib(count(amount / MIB)) : units.gib(count(amount / GIB));
}

export const cores = (value: number) => units.cores(count(value), value === 1);
export const gpus = (value: number) => units.gpus(count(value), value === 1);

/** The leading number of an amount such as `22 cores` or `16 GiB`; memory in GiB. */
export function amount(text: string | number, resource: string): number {
  return resource === 'memory' ? gib(text) : Number.parseFloat(String(text)) || 0;
}

type Step = { size: number; write: (n: number) => string };
const STEPS: readonly Step[] = [
  { size: 86400, write: units.days }, { size: 3600, write: units.hours }, { size: 60, write: units.minutes }, { size: 1, write: units.seconds },
];

/** `18 min 32 s`: two units at most. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const first = STEPS.findIndex(({ size }) => s >= size || size === 1);
  const { size, write } = STEPS[first]!;
  const next = STEPS[first + 1];
  const rest = next ? Math.floor((s % size) / next.size) : 0;
  return next && rest ? units.both(write(Math.floor(s / size)), next.write(rest)) : write(Math.floor(s / size));
}

/** One unit: `41 min`. For countdowns, where seconds would only flicker; under a minute they are what counts. */
export function about(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return units.seconds(s);
  if (s < 90 * 60) return units.minutes(Math.round(s / 60));
  if (s < 36 * 3600) return units.hours(Math.round(s / 3600));
  return units.days(Math.round(s / 86400));
}

/** `2026-03-12`, in every language. */
const day = (moment: string | number) => new Date(moment).toLocaleDateString('en-CA');

export function ago(moment: string, now: number): string {
  const s = (now - Date.parse(moment)) / 1000;
  if (s < 45) return units.now;
  return s > 7 * 86400 ? day(moment) : units.ago(about(s));
}

export function exact(moment: string): string {
  const d = new Date(moment);
  const pad = (n: number) => String(Math.abs(n)).padStart(2, '0');
  const offset = -d.getTimezoneOffset();
  const hours = Math.trunc(offset / 60);
  const minutes = offset % 60;
  const zone = offset === 0 ? 'UTC' : `UTC${offset < 0 ? '-' : '+'}${Math.abs(hours)}${minutes ? `:${pad(minutes)}` : ''}`;
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock(moment)} ${zone}`;
}

/** The time of day, after its date where that is not today's. */
export const moment = (at: string, now: number) => (day(at) === day(now) ? clock(at) : `${day(at)} ${clock(at)}`);

/** `14:31:02` in the reader's time zone. */
export function clock(moment: string): string {
  const d = new Date(moment);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}
