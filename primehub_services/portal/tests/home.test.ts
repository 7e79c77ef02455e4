import { describe, expect, test } from 'vitest';
import type { ImageOption, InstanceTypeOption, Job, LaunchOptions, Notebook, QueueEntry } from '../src/api/types';
import { quickOf } from '../src/pages/home/quick';
import { recentOf } from '../src/pages/home/Recent';
import { at, clockFor, marks } from '../src/pages/queue/picture';
import { found, pagesFor } from '../src/shell/palette-entries';

const type = (name: string, gpu = 0) => ({ slug: name, name, display_name: '', disabled: '', limits: { cpu: 1, memory: '1Gi', gpu } }) as InstanceTypeOption;
const image = (name: string, over: Partial<ImageOption> = {}) => ({ slug: name, name, display_name: '', description: '', kind: 'both', phase: 'READY', progress: 100, disabled: '', ...over }) as ImageOption;
const options = (images: ImageOption[], types = [type('cpu-1'), type('gpu-1', 1)]) => ({ images, instance_types: types, defaults: { instance_type: null } }) as unknown as LaunchOptions;

describe('quick launch', () => {
  test('takes the newest image that is named for the framework, with a size that fits it', () => {
    const quick = quickOf(options([image('pytorch-2.8'), image('pytorch-2.10', { kind: 'gpu' }), image('base', { description: 'with PyTorch' })]), 'PyTorch');
    expect(quick).toMatchObject({ is: 'ready', image: { name: 'pytorch-2.10' }, type: { name: 'gpu-1' } });
  });
  test('falls back to one that only tells of it', () => {
    expect(quickOf(options([image('base', { description: 'NumPy and TensorFlow 2' })]), 'TensorFlow')).toMatchObject({ is: 'ready', image: { name: 'base' } });
  });
  test('says what stands in the way', () => {
    expect(quickOf(options([image('base')]), 'TensorFlow').is).toBe('none');
    expect(quickOf(options([image('tensorflow', { phase: 'BUILDING', disabled: 'not ready' })]), 'TensorFlow').is).toBe('building');
    expect(quickOf(options([image('tensorflow', { phase: 'FAILED', disabled: 'It could not be built.' })]), 'TensorFlow')).toMatchObject({ is: 'unusable', why: 'It could not be built.' });
    expect(quickOf(options([image('torch', { kind: 'gpu' })], [type('cpu-1')]), 'PyTorch')).toMatchObject({ is: 'unusable' });
  });
});

test('recent work is jobs and notebooks in one list, the newest first', () => {
  const job = { id: 'job-1', name: 'train', created_at: '2026-03-12T14:00:00Z', phase: 'PENDING', queue: null } as unknown as Job;
  const over = { id: 'n1', image: 'base', created_at: '2026-03-12T15:00:00Z', ended_at: '2026-03-12T16:00:00Z', phase: 'STOPPED', reason: 'idle' } as unknown as Notebook;
  const items = recentOf([job], [over, { ...over, id: 'n2', created_at: '2026-03-12T13:00:00Z', ended_at: null }], '/g/x');
  expect(items.map((item) => item.to)).toEqual(['/g/x/notebooks/n1', '/g/x/jobs/job-1', '/g/x/notebooks']);
});

describe('the queue against the clock', () => {
  const now = Date.parse('2026-03-12T14:10:00Z');
  const hours = (n: number) => new Date(now + n * 3_600_000).toISOString();
  const entry = (estimate: string | null) => ({ place: { estimate } }) as QueueEntry;
  const spans = (...ends: (string | null)[]) => {
    const clock = clockFor(now, ends.map(entry), []);
    return (clock.to - now) / 3_600_000;
  };
  test('reaches as far as is known, and a day at most', () => {
    expect([spans(null), spans(hours(2)), spans(hours(5)), spans(hours(80))]).toEqual([3, 3, 6, 3]);
    expect(spans(hours(20), null)).toBe(24);
  });
  test('what lies outside stands at the edge, and now at a quarter', () => {
    const clock = clockFor(now, [], []);
    expect([at(clock, now), at(clock, 0), at(clock, now * 2)]).toEqual([25, 0, 100]);
  });
  test('the marks are few, whole, and none is over "now"', () => {
    const found_ = marks(clockFor(now, [], []));
    expect(found_.length).toBeLessThanOrEqual(8);
    expect(found_.every((moment) => moment % 1_800_000 === 0)).toBe(true);
    expect(found_.every((moment) => Math.abs(moment - now) > 600_000)).toBe(true);
  });
});

describe('the palette', () => {
  test('has the pages that a person may open', () => {
    const texts = (groupAdmin: boolean, platformAdmin: boolean) => pagesFor('lab', groupAdmin, platformAdmin).map((entry) => entry.to);
    expect(texts(false, false)).not.toContain('/g/lab/images');
    expect(texts(true, false)).toContain('/g/lab/images');
    expect(texts(true, false)).not.toContain('/admin');
    expect(texts(true, true)).toContain('/admin');
    expect(pagesFor(null, false, false).some((entry) => entry.to.startsWith('/g/'))).toBe(false);
  });
  test('finds by all words, beginnings first', () => {
    const pages = pagesFor('lab', true, true);
    expect(found(pages, 'job').map((entry) => entry.text)).toEqual(['Jobs', 'New job', 'Recurring jobs']);
    expect(found(pages, 'past note').map((entry) => entry.text)).toEqual(['Past notebooks']);
    expect(found(pages, 'dark').map((entry) => entry.text)).toEqual(['User profile']);
    expect(found(pages, 'nothing like it')).toEqual([]);
  });
});
