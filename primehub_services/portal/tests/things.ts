import type { ImageOption, InstanceTypeOption, LaunchOptions } from '../src/api/types';

const limits = { cpu: 1, memory: '1Gi', gpu: 0 };
const type = (name: string, disabled = ''): InstanceTypeOption => ({ id: name, name, slug: name, display_name: '', description: '', idle_timeout: 0, disabled, limits, requests: limits });
const image = (name: string, over: Partial<ImageOption> = {}): ImageOption => ({
  id: name, name, slug: name, display_name: '', description: '', kind: 'both', group: null, phase: 'READY', progress: 100, disabled: '', ...over,
});
/** A group with one type and one image that can be chosen together, and one of each that cannot. */
export const options: LaunchOptions = {
  group: 'g', instance_types: [type('cpu-1'), type('gone', 'It is not given to this group.')], images: [image('base'), image('cuda', { kind: 'gpu' })], volumes: [], mounts: [],
  user: { quota: { cpu: null, memory: null, gpu: null }, used: { cpu: 0, memory: '0Mi', gpu: 0 } },
  total: { quota: { cpu: null, memory: null, gpu: null }, used: { cpu: 0, memory: '0Mi', gpu: 0 } },
  budgets: [], environment: {}, defaults: { instance_type: null, image: null, safe_mode: false }, running: null,
};
