import { describe, expect, test } from 'vitest';
import type { Attempt, Job, LaunchOptions } from '../src/api/types';
import { check, draftOf, parameterErrors, specOf, type Draft } from '../src/pages/jobs/spec';
import { heldUpBy, noteOf, size, timeline, took, watch } from '../src/pages/jobs/words';
import { options } from './things';

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
  const first = attempt(5, { phase: 'FAILED', started_at: at(7), ended_at: at(20) });
  test('one that waits for a second attempt has waited since the first ended', () => {
    expect(phases(job({ attempts: [first], started_at: at(7) }), 29)).toEqual([['PENDING', 9, 'now']]);
  });
  test('one that runs again has the blocks of its latest attempt', () => {
    const running = job({ phase: 'RUNNING', attempts: [first, attempt(30, { number: 2, started_at: at(33) })], started_at: at(7) });
    expect(phases(running, 43)).toEqual([['PENDING', 10, 'done'], ['PREPARING', 3, 'done'], ['RUNNING', 10, 'now']]);
  });
  test('one that is cancelled while it waits for a second attempt ends in the queue', () => {
    const cancelled = job({ phase: 'CANCELLED', attempts: [first], started_at: at(7), ended_at: at(24) });
    expect(phases(cancelled, 59)).toEqual([['PENDING', 4, 'done']]);
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

test('what holds up a job that was let go is said, and nothing of one that waits its turn, runs or is over', () => {
  const message = 'No node of the cluster (1) can take it now: too little free GPUs.';
  const held = (over: Partial<Job>) => [heldUpBy(job({ message, ...over })), noteOf(job({ message, ...over }))];
  expect(held({ phase: 'PREPARING' })).toEqual([message, 'held up']);
  expect(held({ phase: 'PREPARING', message: '' })).toEqual(['', '']);
  expect(held({ phase: 'PREPARING', reason: 'Placed', message: 'The node fetches the image a:1.' })).toEqual(['The node fetches the image a:1.', '']);
  expect(held({ phase: 'UNKNOWN' })[0]).toBe(message);
  expect(held({ phase: 'PENDING', reason: 'NotPlaced' })[0]).toBe(message);
  for (const over of [{ phase: 'PENDING', reason: 'Queued' }, { phase: 'RUNNING' }, { phase: 'FAILED' }, { phase: 'SUCCEEDED' }] as const) expect(held(over)[0]).toBe('');
});

test('times and sizes in columns', () => {
  expect([watch(5), watch(65), watch(3725)]).toEqual(['0:05', '1:05', '1:02:05']);
  expect([size(512), size(1536), size(102_553_190)]).toEqual(['512 B', '1.5 KiB', '97.8 MiB']);
});

describe('a job like another', () => {
  const wrong = (over: Partial<Job>) => check(draftOf(options, job(over)), options);
  const isRight = (draft: Draft) => Object.values(check(draft, options)).every((words) => !words);
  test('is as that one was', () => {
    const draft = draftOf(options, job({ environment: { A: '1' }, retries: 2, timeout: 7200 }));
    expect(isRight(draft)).toBe(true);
    expect(specOf('g', draft)).toMatchObject({ instance_type: 'cpu-1', image: 'base', environment: { A: '1' }, retries: 2, timeout: 7200 });
  });
  test('keeps what cannot be chosen any more, says so, and is not right before another is chosen', () => {
    const draft = draftOf(options, job({ instance_type: 'huge', image: 'old' }));
    expect([draft.type, draft.image]).toEqual(['huge', 'old']);
    const { type, image } = check(draft, options);
    expect([type, image].map((words) => /huge|old/.exec(words!)?.[0])).toEqual(['huge', 'old']);
    expect(isRight({ ...draft, type: 'cpu-1' })).toBe(false);
    expect(isRight({ ...draft, type: 'cpu-1', image: 'base' })).toBe(true);
  });
  test('says what to do where nothing is chosen, by what there is to choose from', () => {
    const without = (over: Partial<LaunchOptions>) => {
      const offered = { ...options, ...over };
      return check(draftOf(offered, null), offered);
    };
    expect(without({})).toMatchObject({ type: '', image: '' });
    expect(without({ instance_types: [] }).type).toMatch(/platform admin/);
    expect(without({ images: [] }).image).toMatch(/group admin/);
    expect(without({ images: options.images.filter(({ kind }) => kind === 'gpu') }).image).toMatch(/another type/);
    expect(check({ ...draftOf(options, null), type: null, image: null }, options)).toMatchObject({ type: 'Choose an instance type.', image: 'Choose an image.' });
  });
  test('takes neither a type that is shut nor an image that needs a GPU beside a type without one', () => {
    expect(wrong({ instance_type: 'gone' }).type).toContain('gone');
    expect(wrong({ image: 'cuda' }).image).toContain('GPU');
  });
  test('asks with what is right of it where a row is not', () => {
    const draft = draftOf(options, job({ environment: { A: '1' } }));
    expect(specOf('g', { ...draft, env: [{ name: '2 b', value: '' }] })).toMatchObject({ environment: {}, command: 'x' });
  });
});

describe('a notebook like another', () => {
  const like = job({ kind: 'notebook', command: '', notebook: { snapshot: 's', path: 'a.ipynb', parameters: { n: 3, word: 'x', many: [1, 2] }, kernel: '', reads_file: false } });
  const draft = draftOf(options, like);
  const given = (value: string) => {
    const changed = { ...draft, parameters: [{ name: 'n', value }] };
    return check(changed, options).parameters ?? specOf('g', changed)!.notebook!.parameters;
  };
  test('shows its parameters as JSON, and sends them as they were', () => {
    expect(draft.parameters.map((row) => row.value)).toEqual(['3', '"x"', '[1,2]']);
    expect(specOf('g', draft)!.notebook).toEqual(like.notebook);
  });
  test('takes other values, a plain word as text', () => {
    expect(given('4.5')).toEqual({ n: 4.5 });
    expect(given('null')).toEqual({ n: null });
    expect(given('word')).toEqual({ n: 'word' });
  });
  test('names what is meant as JSON and is none, and names that no notebook can have', () => {
    expect(given('[1, 2')).toContain('JSON');
    expect(given('')).toContain('JSON');
    expect(parameterErrors(['a-b', 'c', 'c'].map((name) => ({ name, value: '1' }))).map(Boolean)).toEqual([true, false, true]);
  });
});
