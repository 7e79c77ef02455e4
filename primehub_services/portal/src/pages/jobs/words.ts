import type { Job } from '../../api/types';
import { t } from '../../text';

const seconds = (from: string, to: number) => (to - Date.parse(from)) / 1000;

/** What holds up a job that was let go, or what is done for it before it begins, in whole sentences; empty where nothing does, and where it waits its turn. */
export function heldUpBy(job: Job): string {
  const held = job.phase === 'PREPARING' || job.phase === 'UNKNOWN' || (job.phase === 'PENDING' && job.reason === 'NotPlaced');
  return held ? job.message : '';
}

/** Why it is where it is, in a few words beside its state. */
export function noteOf(job: Job): string {
  if (job.phase === 'PENDING' && job.queue) return t.jobs.place(job.queue.position, job.queue.of);
  if (job.phase === 'PREPARING' && job.message && job.reason !== 'Placed') return t.jobs.heldUp;
  if (job.phase === 'RUNNING' && job.progress && job.progress.cells > 0) return t.jobs.cells(job.progress.done, job.progress.cells);
  if (job.phase === 'RUNNING' && job.cancel_requested) return t.jobs.ending;
  if (job.phase === 'FAILED') return t.jobs.reasons[job.reason] ?? (job.exit_code ? t.jobs.exit(job.exit_code) : job.reason);
  if (job.phase === 'CANCELLED') return (job.cancel_requested ?? '').replace(/^Cancelled /, '');
  return '';
}

/** Seconds that it ran, or has run so far; before that, that it has waited. Null where neither has begun. */
export function took(job: Job, now: number): number | null {
  const end = job.ended_at ? Date.parse(job.ended_at) : now;
  if (job.started_at) return seconds(job.started_at, end);
  return job.ended_at ? null : seconds(job.created_at, now);
}

/** The line of a command that says what it does: not a comment, not what only prepares. */
export function gist(command: string): string {
  const lines = command.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return lines.find((line) => !/^(#|set |cd |export )/.test(line)) ?? lines[0] ?? '';
}

/** `1:02:05`, for columns. */
export function watch(total: number): string {
  const s = Math.max(0, Math.floor(total));
  const pad = (n: number) => String(n).padStart(2, '0');
  return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}

export const ended = (job: Job) => job.phase === 'SUCCEEDED' || job.phase === 'FAILED' || job.phase === 'CANCELLED';

export type Part = { phase: 'PENDING' | 'PREPARING' | 'RUNNING' | 'LEFT'; from: number; to: number; state: 'done' | 'now' | 'failed' | 'next' };

/** The latest attempt's life in blocks: the wait for it, what was, what is, and what is left of its time limit. Moments in milliseconds. */
export function timeline(job: Job, now: number): Part[] {
  const end = job.ended_at ? Date.parse(job.ended_at) : now;
  const ran = job.attempts.at(-1);
  // it waits for another attempt, or was ended while it did
  const again = ran?.ended_at != null && ran.ended_at !== job.ended_at;
  const latest = again ? undefined : ran;
  const before = again ? ran : job.attempts.at(-2);
  const prepared = latest ? Date.parse(latest.created_at) : null;
  const started = latest?.started_at ? Date.parse(latest.started_at) : null;
  const parts: Part[] = [];
  const add = (phase: Part['phase'], from: number, to: number | null) => {
    const over = to !== null || job.ended_at !== null;
    const failed = to === null && job.phase === 'FAILED';
    parts.push({ phase, from, to: Math.max(from, to ?? end), state: failed ? 'failed' : over ? 'done' : 'now' });
  };
  add('PENDING', Date.parse(before?.ended_at ?? job.created_at), prepared);
  if (prepared !== null && prepared < end) add('PREPARING', prepared, started);
  if (started !== null) add('RUNNING', started, null);
  if (job.phase === 'RUNNING' && job.deadline_at) parts.push({ phase: 'LEFT', from: end, to: Math.max(end, Date.parse(job.deadline_at)), state: 'next' });
  return parts;
}

/** `97.8 MiB` */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : Math.round(amount * 10) / 10} ${units[unit]}`;
}
