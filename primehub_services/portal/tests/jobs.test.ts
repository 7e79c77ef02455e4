import { describe, expect, test } from 'vitest';
import type { Attempt, Job } from '../src/api/types';
import { noteOf, size, timeline, took, watch } from '../src/pages/jobs/words';

const at = (second: number) => new Date(Date.UTC(2026, 2, 12, 14, 0, second)).toISOString();
const attempt = (created: number, over: Partial<Attempt> = {}): Attempt => ({
  id: 'a', number: 1, phase: 'RUNNING', reason: '', message: '', exit_code: null, created_at: at(created), started_at: null, ended_at: null, ...over,
});
const job = (over: Partial<Job>): Job => ({
  id: 'job-1', name: 'train', kind: 'command', user: 'ann', group: 'g', group_name: '', instance_type: 'cpu-1', image: 'base', limits: { cpu: 1, memory: '1Gi', gpu: 0 },
  command: 'x', notebook: null, environment: {}, secrets: {}, timeout: 0, retries: 0, phase: 'PENDING', reason: '', message: '', exit_code: null, cancel_requested: null,
  queue: null, progress: null, attempts: [], artifacts: { files: 0, size: 0, message: '', expires_at: null }, left_out: [], schedule: null, schedule_name: '', rerun_of: null,
  created_at: at(0), started_at: null, ended_at: null, deadline_at: null, version: 1, ...over,
});

describe('a job in phases', () => {
  const phases = (j: Job, now: number) => timeline(j, Date.parse(at(now))).map((p) => [p.phase, (p.to - p.from) / 1000, p.state]);
  test('one that waits has waited until now', () => {
    expect(phases(job({}), 9)).toEqual([['PENDING', 9, 'now']]);
  });
  test('one that runs has its time limit before it', () => {
    const running = job({ phase: 'RUNNING', attempts: [attempt(5, { started_at: at(7) })], started_at: at(7), deadline_at: at(27) });
    expect(phases(running, 17)).toEqual([['PENDING', 5, 'done'], ['PREPARING', 2, 'done'], ['RUNNING', 10, 'now'], ['LEFT', 10, 'next']]);
  });
  test('one that failed shows where, and goes on no longer', () => {
    const failed = job({ phase: 'FAILED', attempts: [attempt(5, { started_at: at(7) })], started_at: at(7), ended_at: at(9) });
    expect(phases(failed, 59)).toEqual([['PENDING', 5, 'done'], ['PREPARING', 2, 'done'], ['RUNNING', 2, 'failed']]);
  });
  test('one that was cancelled in the queue never ran', () => {
    const cancelled = job({ phase: 'CANCELLED', ended_at: at(9) });
    expect(phases(cancelled, 59)).toEqual([['PENDING', 9, 'done']]);
    expect(took(cancelled, Date.parse(at(59)))).toBeNull();
  });
});

test('the reason beside a state is what people look for', () => {
  expect(noteOf(job({ phase: 'FAILED', reason: 'Exited', exit_code: 3 }))).toBe('exit 3');
  expect(noteOf(job({ phase: 'FAILED', reason: 'OOMKilled', exit_code: 137 }))).toBe('out of memory');
  expect(noteOf(job({ phase: 'RUNNING', progress: { cells: 22, done: 14, cell: 14, label: '' } }))).toBe('cell 14 of 22');
});

test('times and sizes in columns', () => {
  expect([watch(5), watch(65), watch(3725)]).toEqual(['0:05', '1:05', '1:02:05']);
  expect([size(512), size(1536), size(102_553_190)]).toEqual(['512 B', '1.5 KiB', '97.8 MiB']);
});
