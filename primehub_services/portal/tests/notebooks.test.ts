import { describe, expect, test } from 'vitest';
import type { ImageOption, InstanceTypeOption, LaunchOptions, Notebook } from '../src/api/types';
import { rowErrors } from '../src/launch/env';
import { alternatives, firstChoice, lacks } from '../src/launch/fit';
import { labUrl } from '../src/pages/notebooks/lab';
import { stagesOf } from '../src/pages/notebooks/stages';

const type = (name: string, cpu: number, gpu = 0, disabled = ''): InstanceTypeOption => ({
  id: name, name, slug: name, display_name: '', description: '', idle_timeout: 0, disabled,
  limits: { cpu, memory: '1Gi', gpu }, requests: { cpu: 0.1, memory: '1Gi', gpu },
});
const image = (name: string, over: Partial<ImageOption> = {}): ImageOption => ({
  id: name, name, slug: name, display_name: '', description: '', kind: 'both', group: null, phase: 'READY', progress: 100, disabled: '', ...over,
});
const options = (over: Partial<LaunchOptions>): LaunchOptions => ({
  group: 'g', instance_types: [type('cpu-16', 16), type('cpu-4', 4), type('gpu-1', 4, 1)], images: [image('base')], volumes: [], mounts: [],
  user: { quota: { cpu: null, memory: null, gpu: null }, used: { cpu: 0, memory: '0Mi', gpu: 0 } },
  total: { quota: { cpu: null, memory: null, gpu: null }, used: { cpu: 0, memory: '0Mi', gpu: 0 } },
  budgets: [{ budget: 'group', resource: 'cpu', limit: '8 cores', used: '2 cores', asked: '0 cores' }],
  environment: {}, defaults: { instance_type: null, image: null, safe_mode: false }, running: null, ...over,
});

describe('what is chosen when the form opens', () => {
  test('the first that can be, in the order people count in', () => {
    expect(firstChoice(options({}), new URLSearchParams())).toEqual({ type: 'cpu-4', image: 'base', warnings: [] });
  });
  test('the link wins over the last choice, and says where it cannot', () => {
    const given = options({ defaults: { instance_type: 'cpu-16', image: null, safe_mode: false } });
    expect(firstChoice(given, new URLSearchParams('instancetype=gpu-1')).type).toBe('gpu-1');
    const gone = firstChoice(given, new URLSearchParams('instancetype=huge'));
    expect(gone.type).toBe('cpu-16');
    expect(gone.warnings[0]).toContain('huge');
  });
  test('never an image that needs a GPU beside a type without one', () => {
    const given = options({ images: [image('a-cuda', { kind: 'gpu' }), image('base')] });
    expect(firstChoice(given, new URLSearchParams()).image).toBe('base');
  });
});

test('a type says what it lacks now, by limits for quotas and by requests for the machine', () => {
  const { budgets, instance_types: types } = options({});
  expect(lacks(types[0]!, budgets)).toContain('10 cores');
  expect(lacks(types[1]!, budgets)).toBe('');
  expect(lacks(types[0]!, [{ ...budgets[0]!, budget: 'machine' }])).toBe('');
});

test('what would help are types that fit', () => {
  const given = options({});
  expect(alternatives(given, given.instance_types[0]!, null, given.budgets).map((x) => x.slug)).toEqual(['cpu-4', 'gpu-1']);
});

test('environment variables: each wrong row says why', () => {
  const errors = rowErrors([{ name: 'OK_1', value: '' }, { name: '1BAD', value: 'x' }, { name: 'PATH', value: 'x' }, { name: 'OK_1', value: 'y' }, { name: '', value: 'x' }, { name: '', value: '' }]);
  expect(errors.map(Boolean)).toEqual([false, true, true, true, true, false]);
});

const notebook = (over: Partial<Notebook>): Notebook => ({
  id: 'n', user: 'ann', server_name: '', group: 'g', instance_type: 't', image: 'i', limits: { cpu: 1, memory: '1Gi', gpu: 0 }, safe_mode: false,
  phase: 'STARTING', reason: '', events: [], url: '/user/ann/lab', created_at: '2026-03-12T14:00:00Z', ready_at: null, ended_at: null, idle_timeout: 0,
  idle_deadline: null, idle_warning_at: null, keep_until: null, left_out: [], version: 1, ...over,
});

test('stages: what is over, what goes on, what failed', () => {
  const events = [{ at: '2026-03-12T14:00:02Z', progress: 20, stage: 'creating', message: '' }];
  const at = Date.parse('2026-03-12T14:00:05Z');
  expect(stagesOf(notebook({ events }), at).map((s) => [s.is, s.seconds])).toEqual([['done', 2], ['done', 0], ['now', 3], ['next', null], ['next', null]]);
  expect(stagesOf(notebook({ events, phase: 'FAILED', ended_at: '2026-03-12T14:00:04Z' }), at)[2]).toEqual({ name: 'creating', is: 'failed', seconds: 2 });
});

test('a path of the launch link stays within the server', () => {
  expect(labUrl(notebook({}))).toBe('/user/ann/lab');
  expect(labUrl(notebook({}), 'work/a b.ipynb')).toBe('/user/ann/lab/tree/work/a%20b.ipynb');
  expect(labUrl(notebook({}), '/lab/tree/x.ipynb')).toBe('/user/ann/lab/tree/x.ipynb');
  expect(labUrl(notebook({}), '../../hub/logout')).toBe('/user/ann/lab');
  expect(labUrl(notebook({}), '%2e%2e/%2e%2e/hub/logout')).toBe('/user/ann/lab');
});
