import { expect, it } from 'vitest';
import { nullTranslator } from '@jupyterlab/translation';
import { first, imageOptions, typeOptions } from '../src/submit/choose';
import { texts } from '../src/text';
import type { Context, ImageOption, InstanceTypeOption, LaunchOptions } from '../src/types';

const t = texts(nullTranslator.load(''));
const type = (slug: string, gpu = 0, disabled = ''): InstanceTypeOption =>
  ({ slug, name: slug.toUpperCase(), display_name: '', description: '', limits: { cpu: 1, memory: '2Gi', gpu }, disabled }) as InstanceTypeOption;
const image = (slug: string, changes: Partial<ImageOption> = {}): ImageOption =>
  ({ slug, name: slug, display_name: '', description: '', kind: 'cpu', phase: 'READY', progress: 100, disabled: '', ...changes }) as ImageOption;
const options = {
  instance_types: [type('cpu-16'), type('cpu-4'), type('gpu-1', 1), type('huge', 0, 'your quota is 4 cores')],
  images: [image('torch', { kind: 'gpu' }), image('base'), image('new', { phase: 'BUILDING', progress: 40 })],
  defaults: { instance_type: null, image: null },
} as unknown as LaunchOptions;
const server = (instance_type: string): Context => ({ instance_type, image: 'base' }) as Context;

it('lists types as people count, with what they have and why one cannot be had', () => {
  const found = typeOptions(options, null);
  expect(found.map((one) => one.label)).toEqual(['CPU-4', 'CPU-16', 'GPU-1', 'HUGE']);
  expect(found[3]).toMatchObject({ note: '1 core, 2 GiB', disabled: 'your quota is 4 cores' });
});

it('begins with what the server has, by slug or by name', () => {
  expect(first(typeOptions(options, server('cpu-16')), 'cpu-4')).toBe('cpu-16');
  expect(first(typeOptions(options, server('CPU-16')), 'cpu-4')).toBe('cpu-16');
});

it('begins with the last choice where the server’s cannot be had, else with the first that can', () => {
  expect(first(typeOptions(options, server('huge')), 'gpu-1')).toBe('gpu-1');
  expect(first(typeOptions(options, server('gone')), 'gone')).toBe('cpu-4');
  expect(first([], null)).toBeNull();
});

it('gives an image for GPUs to a type with one alone', () => {
  const why = (chosen: string) => imageOptions(options, null, chosen, t).find((one) => one.slug === 'torch')?.disabled;
  expect(why('cpu-4')).toContain('GPU');
  expect(why('gpu-1')).toBe('');
  expect(imageOptions(options, null, 'cpu-4', t).find((one) => one.slug === 'new')?.disabled).toContain('40');
});
