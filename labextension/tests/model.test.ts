import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Client } from '../src/client';
import { Problem } from '../src/client';
import { JobsModel } from '../src/panel/model';
import type { Job, Jobs } from '../src/types';

const job = (id: string, phase: Job['phase']): Job => ({ id, phase, name: id, placed: null }) as Job;
const jobs = (...items: Job[]): Jobs => ({ items, total: items.length, active: items.filter((one) => !['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(one.phase)).length });

class Answers {
  now: Jobs | Problem | null = jobs();
  asked: (string | null)[] = [];
  places: string[] = [];
  jobs = (etag: string | null) => {
    this.asked.push(etag);
    if (this.now instanceof Problem) return Promise.reject(this.now);
    return Promise.resolve(this.now === null ? null : { jobs: this.now, etag: `"${this.asked.length}"` });
  };
  job = (id: string) => {
    this.places.push(id);
    return Promise.resolve({ ...job(id, 'PENDING'), queue: { position: this.places.length } } as Job);
  };
  schedules = () => Promise.resolve([]);
}

let answers: Answers;
let model: JobsModel;
beforeEach(() => {
  vi.useFakeTimers();
  answers = new Answers();
  model = new JobsModel(answers as unknown as Client);
});
afterEach(() => {
  model.visible = false;
  vi.useRealTimers();
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

it('asks for nothing while nobody looks, and at once when somebody does', async () => {
  await pass(60_000);
  expect(answers.asked).toEqual([]);
  model.visible = true;
  await pass(10);
  expect(answers.asked).toHaveLength(1);
  model.visible = false;
  await pass(60_000);
  expect(answers.asked).toHaveLength(1);
});

it('asks often while something runs, and seldom otherwise', async () => {
  answers.now = jobs(job('a', 'RUNNING'));
  model.visible = true;
  await pass(10_050);
  const often = answers.asked.length;
  expect(often).toBeGreaterThanOrEqual(5);
  answers.now = jobs(job('a', 'SUCCEEDED'));
  await pass(2_050);
  const before = answers.asked.length;
  await pass(14_000);
  expect(answers.asked.length - before).toBeLessThanOrEqual(1);
});

it('keeps what it knows where the answer is that nothing changed, and asks with what it was told', async () => {
  answers.now = jobs(job('a', 'RUNNING'));
  model.visible = true;
  await pass(10);
  answers.now = null;
  await pass(2_050);
  expect(answers.asked.slice(0, 2)).toEqual([null, '"1"']);
  expect(model.jobs?.items.map((one) => one.id)).toEqual(['a']);
});

it('asks for the place in the queue of those that wait', async () => {
  answers.now = jobs(job('a', 'PENDING'), job('b', 'RUNNING'));
  model.visible = true;
  await pass(10);
  expect(answers.places).toEqual(['a']);
  expect(model.jobs?.items[0]?.queue?.position).toBe(1);
});

it('tells once of each job that it saw running and that ended', async () => {
  const told: string[] = [];
  model.ended.connect((_, one) => void told.push(one.id));
  answers.now = jobs(job('old', 'SUCCEEDED'), job('a', 'RUNNING'));
  model.visible = true;
  await pass(10);
  answers.now = jobs(job('old', 'SUCCEEDED'), job('a', 'FAILED'));
  await pass(20_000);
  expect(told).toEqual(['a']);
});

it('shows what went wrong beside what it knew, and recovers', async () => {
  answers.now = jobs(job('a', 'RUNNING'));
  model.visible = true;
  await pass(10);
  answers.now = new Problem('PrimeHub does not answer just now.', 503);
  await pass(2_050);
  expect(model.problem?.status).toBe(503);
  expect(model.jobs?.items).toHaveLength(1);
  answers.now = jobs();
  await pass(61_000);
  expect(model.problem).toBeNull();
});

it('shows a job that was just submitted before it is found by asking', () => {
  model.put(job('new', 'PENDING'));
  expect(model.jobs).toMatchObject({ total: 1, active: 1 });
  model.put(job('new', 'CANCELLED'));
  expect(model.jobs).toMatchObject({ total: 1, active: 0 });
});
