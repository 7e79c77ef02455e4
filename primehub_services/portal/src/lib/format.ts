/** Numbers and times as people read them; the same words as the API's and the command's. */

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
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
  return amount > 0 && amount < GIB ? `${count(amount / MIB)} MiB` : `${count(amount / GIB)} GiB`;
}

export const cores = (value: number) => `${count(value)} ${value === 1 ? 'core' : 'cores'}`;
export const gpus = (value: number) => `${count(value)} ${value === 1 ? 'GPU' : 'GPUs'}`;

/** The leading number of an amount such as `22 cores` or `16 GiB`; memory in GiB. */
export function amount(text: string | number, resource: string): number {
  return resource === 'memory' ? gib(text) : Number.parseFloat(String(text)) || 0;
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

/** One unit: `41 min`. For countdowns, where seconds would only flicker; under a minute they are what counts. */
export function about(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

export function ago(moment: string, now: number): string {
  const s = (now - Date.parse(moment)) / 1000;
  if (s < 45) return 'just now';
  if (s > 7 * 86400) return new Date(moment).toLocaleDateString('en-CA');
  return `${about(s)} ago`;
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

/** `14:31:02` in the reader's time zone. */
export function clock(moment: string): string {
  const d = new Date(moment);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}
