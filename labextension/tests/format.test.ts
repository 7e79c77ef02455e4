import { expect, it } from 'vitest';
import { about, duration, memory, moment, quota, resources, stem } from '../src/lib/format';

it('says amounts with their units', () => {
  expect(resources({ cpu: 0.5, memory: '1Gi', gpu: 0 })).toBe('0.5 cores, 1 GiB');
  expect(resources({ cpu: 1, memory: '512Mi', gpu: 2 })).toBe('1 core, 512 MiB, 2 GPUs');
  expect(memory(8)).toBe('8 GiB');
});

it('says what of a quota is used, shortly and in full', () => {
  const usage = { quota: { cpu: 4, memory: '16Gi', gpu: 1 }, used: { cpu: 1.5, memory: '2Gi', gpu: 0 } };
  expect(quota(usage)).toEqual({ short: '1.5/4 cores, 0/1 GPU', lines: ['1.5 of 4 cores', '2 GiB of 16 GiB', '0 of 1 GPU'] });
  const unlimited = { quota: { cpu: null, memory: null, gpu: null }, used: { cpu: 1, memory: '2Gi', gpu: 0 } };
  expect(quota(unlimited)).toEqual({ short: '1 core', lines: ['1 core', '2 GiB'] });
});

it('says times in at most two units', () => {
  expect(duration(59.6)).toBe('1 min');
  expect(duration(252)).toBe('4 min 12 s');
  expect(duration(90_000)).toBe('1 d 1 h');
  expect(duration(-3)).toBe('0 s');
  expect(about(2_460)).toBe('41 min');
});

it('says a moment in the zone of the schedule', () => {
  expect(moment('2026-11-23T03:00:00Z', 'Europe/Berlin')).toBe('Mon, 23 Nov 2026, 04:00');
  expect(moment('2026-11-23T03:00:00Z', 'Nowhere/None')).toContain('2026');
});

it('names a notebook as people do', () => {
  expect(stem('analysis/train.v2.ipynb')).toBe('train.v2');
});
