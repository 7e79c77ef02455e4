/** Jobs, their queue, and what group admins see, of the made-up platform: ten thousand jobs, so that a list shows what it can. */
import type { components } from '../src/api/schema';

type S = components['schemas'];
type Job = S['Job'];
type Answer = [number, unknown];
const ago = (s: number) => new Date(Date.now() - s * 1000).toISOString();
const people = ['ann', 'bo', 'chen', 'dia'];
const names = ['mosaic-render', 'hyper-sweep-12', 'segment-all', 'eval-coco', 'augment-sweep-04', 'resnet50-baseline', 'unet-large', 'export-onnx', 'tile-index-full', 'tile-index', 'augment-sweep-03', 'convert-dicom', 'nightly-metrics', 'dataset-audit', 'resnet50-smoke', 'unet-small'];
const phases: [S['JobPhase'], Partial<Job>][] = [
  ['PREPARING', {}], ['PENDING', {}], ['PENDING', {}], ['PENDING', {}], ['PENDING', {}], ['RUNNING', {}], ['PENDING', {}], ['RUNNING', {}],
  ['FAILED', { reason: 'OOMKilled', message: 'It used more than the 2 GiB of its instance type.' }], ['RUNNING', { progress: { cells: 22, done: 14, cell: 14, label: '' } }], ['RUNNING', {}],
  ['FAILED', { reason: 'Exited', exit_code: 3, message: 'Its command ended with 3.' }], ['SUCCEEDED', { schedule: 'f1', schedule_name: 'every night' }], ['UNKNOWN', {}], ['CANCELLED', { cancel_requested: 'by bo' }], ['SUCCEEDED', {}],
];
const sizes: Record<string, S['Resources']> = { 'cpu-1': { cpu: 1, memory: '2Gi', gpu: 0 }, 'cpu-4': { cpu: 4, memory: '16Gi', gpu: 0 }, 'gpu-1': { cpu: 4, memory: '16Gi', gpu: 1 }, 'gpu-2': { cpu: 8, memory: '32Gi', gpu: 2 } };

function job(i: number): Job {
  const [phase, more] = i < phases.length ? phases[i]! : i % 75 === 0 ? phases[11]! : phases[15]!;
  const type = ['cpu-1', 'gpu-1', 'gpu-2', 'gpu-1', 'cpu-4'][i % 5]!;
  const created = 20 + i * 290;
  const waits = phase === 'PENDING';
  const over = !['PENDING', 'PREPARING', 'RUNNING', 'UNKNOWN'].includes(phase);
  const started = waits || phase === 'PREPARING' ? null : ago(created - 12);
  return {
    id: `job-202603121411-${String(i).padStart(6, '0')}`, name: names[i % names.length]!, kind: 'command', user: people[(i * 7) % 4]!, group: 'vision-lab', group_name: 'Vision lab', instance_type: type,
    image: i % 3 ? 'pytorch-2.9' : 'base-2026.11', limits: sizes[type]!, command: `set -e\npython -u ${names[i % names.length]!.replaceAll('-', '_')}.py --epochs 90 --data /datasets/defects`, notebook: null,
    environment: { WANDB_MODE: 'offline' }, secrets: {}, timeout: 14_400, retries: 0, phase, reason: '', message: '', exit_code: null, cancel_requested: null, queue: waits ? place(i) : null, progress: null,
    attempts: started === null && phase !== 'PREPARING' ? [] : [{ id: `a${i}`, number: 1, phase, reason: '', message: '', exit_code: null, created_at: ago(created - 5), started_at: started, ended_at: over ? ago(Math.max(0, created - 200)) : null }],
    artifacts: { files: phase === 'SUCCEEDED' ? 3 : 0, size: 6200, message: '', expires_at: null }, left_out: [], schedule: null, schedule_name: '', rerun_of: null, created_at: ago(created), started_at: started,
    ended_at: over ? ago(Math.max(0, created - 200)) : null, deadline_at: phase === 'RUNNING' ? ago(created - 12 - 14_400) : null, version: 1, ...more,
  };
}

function place(i: number): S['QueuePlace'] {
  const at = [6, 4, 3, 2, 1].indexOf(i) + 1;
  const holders: S['Holder'][] = [['bo', 'augment-sweep-03', 6400], ['ann', 'resnet50-baseline', 1260]].map(([user, name, s]) => ({ user: String(user), kind: 'job', name: String(name), title: null, amount: '1 GPU', since: ago(Number(s)) }));
  return {
    position: at, of: 5, waiting_since: ago(20 + i * 290), kept_from: ago(i * 290 - 600), kept: at === 1, estimate: at > 3 ? null : ago(-1500 * at),
    decision: {
      would_start: false, never: false, warnings: [],
      budgets: [
        { budget: 'group', resource: 'gpu', limit: '4 GPUs', used: '3 GPUs', asked: '2 GPUs' }, { budget: 'group', resource: 'cpu', limit: '32 cores', used: '13 cores', asked: '8 cores' },
        { budget: 'user', resource: 'gpu', limit: '2 GPUs', used: '0 GPUs', asked: '2 GPUs' },
      ],
      reasons: [{ code: 'quota', field: null, budget: 'group', resource: 'gpu', message: '1 GPU short: the group’s quota is 4 GPUs, 3 GPUs in use, 2 GPUs asked.', limit: '4 GPUs', used: '3 GPUs', asked: '2 GPUs', short: '1 GPU', holders, help: 'Ask one of the holders to stop, wait until one ends, or choose a smaller instance type.' }],
    },
  };
}

const members: S['Membership'][] = [['ann', 'Ann Lee', 'admin'], ['bo', 'Bo Okafor', 'admin'], ['chen', '', 'member'], ['dia', 'Dia Varga', 'member']]
  .map(([user, display_name, role]) => ({ user: user!, display_name: display_name!, group: 'vision-lab', role: role as S['Role'], origins: user === 'dia' ? ['provider'] : ['local'] }));
const image = (name: string, phase: S['ImagePhase'], more: Partial<S['Image']>): S['Image'] => ({
  name, display_name: '', description: '', kind: 'both', source: { type: 'environment', prefix: null, base: 'python 3.13', packages: [] } as unknown as S['EnvironmentSource'], group: null, all_groups: true, groups: [], id: name, slug: name, build: 1, phase,
  message: '', progress: 100, location: `/opt/environments/${name}`, created_at: ago(86_400 * 12), version: 1, ...more,
});
const images = [
  image('base-2026.11', 'READY', { description: 'Python 3.13, NumPy, pandas, scikit-learn' }), image('pytorch-2.9', 'READY', { description: 'PyTorch 2.9, CUDA when a GPU is there' }),
  image('rapids-26.10', 'READY', { group: 'vision-lab', kind: 'gpu', description: 'cuDF and cuML', all_groups: false }),
  image('geo-2026', 'BUILDING', { group: 'vision-lab', kind: 'cpu', progress: 42, message: 'Installing rasterio', all_groups: false, location: null }),
  image('mmdet', 'FAILED', { group: 'vision-lab', progress: 0, message: 'No version of mmcv fits Python 3.13.', all_groups: false, location: null }),
];
let secrets: S['Secret'][] = [['hf-token', null, 'ann'], ['wandb', 'vision-lab', null]].map(([name, group, owner], i) => ({
  id: String(i), name: name!, slug: name!, display_name: '', kind: 'env', registry: '', username: '', owner: owner ?? null, group: group ?? null, groups: [], created_at: ago(86_400 * 9), updated_at: ago(86_400 * 2), version: 1,
}));
let group: S['Group'] = {
  id: 'g', name: 'vision-lab', slug: 'vision-lab', display_name: 'Vision lab', description: 'Finding defects in pictures', user_quota: { cpu: 16, memory: null, gpu: 2 }, group_quota: { cpu: 32, memory: '128Gi', gpu: 4 },
  shared_volume: true, folder_problem: '', shared_volume_capacity: 500, launch_group_only: true, pod_security: 'restricted', job_timeout: 28_800, idle_timeout: null, created_at: ago(86_400 * 200), version: 3,
};
const points = Array.from({ length: 90 }, (_, i): S['UsagePoint'] => ({ at: ago((90 - i) * 10), cpu: i < 4 ? 200 : Math.round(3300 + 350 * Math.sin(i / 3)), memory: Math.round((i < 5 ? 1 : 8.6 + Math.sin(i / 9) / 2) * 1024 ** 3), gpus: [] }));

export const usageOf = (limits: S['Resources']): S['UsageSeries'] => ({ attempt: 0, limits, points });

/** The answer, or null where the path is none of these. */
export function workAnswer(scenario: string, method: string, path: string, query: URLSearchParams, sent: unknown): Answer | null {
  const total = scenario.startsWith('fresh') ? 0 : 10_214;
  const size = Number(query.get('page_size') ?? 50);
  const at = Number(query.get('page') ?? 1);
  const page = (items: unknown[], all = items.length): Answer => [200, { items, total: all, page: at, page_size: size }];
  if (path === '/job-counts') return [200, { all: total, active: 10, mine: Math.round(total / 4), phases: total ? { RUNNING: 4, PENDING: 5, FAILED: 137, SUCCEEDED: 10_066 } : {} } satisfies S['JobCounts']];
  if (path === '/jobs') {
    const phase = query.get('phase');
    const search = query.get('search');
    if (phase || search || query.get('user')) {
      const found = Array.from({ length: total && 400 }, (_, i) => job(i)).filter((j) => (!phase || j.phase === phase) && (!search || j.name.includes(search)) && (!query.get('user') || j.user === query.get('user')));
      return page(found.slice((at - 1) * size, at * size), found.length);
    }
    return page(Array.from({ length: Math.max(0, Math.min(size, total - (at - 1) * size)) }, (_, i) => job((at - 1) * size + i)), total);
  }
  const one = /^\/jobs\/job-\d+-(\d+)(\/\w+)?$/.exec(path);
  if (one) {
    const found = job(Number(one[1]));
    if (one[2] === '/usage') return [200, { attempt: 1, limits: found.limits, points }];
    if (one[2] === '/artifacts') return [200, { items: [{ path: 'loss.png', size: 48_000, modified_at: ago(90), media_type: 'image/png' }, { path: 'metrics.csv', size: 6200, modified_at: ago(60), media_type: 'text/csv' }], message: '', size: 54_200, expires_at: null }];
    if (one[2] === '/log') return [200, { text: Array.from({ length: 34 }, (_, i) => `epoch ${i + 1}/90  loss ${(0.9 - i * 0.015).toFixed(4)}  val_acc ${(0.61 + i * 0.0085).toFixed(4)}  36.${i % 10} s`).join('\n') + '\n', offset: 0, next_offset: 1500, size: 1500, matches: [], more_matches: false }];
    return [200, found];
  }
  if (/^\/groups\/[\w-]+\/queue$/.test(path)) {
    return page(scenario.startsWith('fresh') ? [] : [6, 4, 3, 2, 1].map((i) => job(i)).map((j): S['QueueEntry'] => ({ job: j.id, name: j.name, user: j.user, instance_type: j.instance_type, limits: j.limits, place: j.queue! })));
  }
  if (/^\/groups\/[\w-]+\/members$/.test(path)) return page(members);
  if (/^\/groups\/[\w-]+$/.test(path)) {
    if (method === 'PATCH') group = { ...group, ...(sent as Partial<S['Group']>), version: group.version + 1 };
    return [200, group];
  }
  if (path === '/images') return page(scenario.startsWith('fresh') ? [] : images);
  const known = /^\/images\/([\w.-]+)(\/[\w-]+)?$/.exec(path);
  if (known) {
    const text = Array.from({ length: 20 }, (_, i) => `Collecting package ${i + 1}`).join('\n') + '\n';
    return [200, known[2] === '/build-log' ? { text, offset: 0, next_offset: text.length, size: text.length, matches: [], more_matches: false } : images.find((x) => x.slug === known[1])];
  }
  if (path === '/secrets' && method === 'POST') {
    const { name, group: owner } = sent as S['SecretCreate'];
    secrets = [...secrets, { ...secrets[0]!, id: name, name, slug: name, owner: owner ? null : 'ann', group: owner ?? null, updated_at: ago(0) }];
    return [201, secrets.at(-1)];
  }
  if (path.startsWith('/secrets/')) {
    if (method === 'DELETE') secrets = secrets.filter((s) => s.slug !== path.slice('/secrets/'.length));
    return [method === 'DELETE' ? 204 : 200, method === 'DELETE' ? null : secrets.find((s) => s.slug === path.slice('/secrets/'.length))];
  }
  if (path === '/secrets') return page(scenario.startsWith('fresh') ? [] : secrets);
  if (path === '/invitations' && method === 'POST') return [201, { id: 'i1', kind: 'join', group: 'vision-lab', role: 'member', user: null, created_by: 'ann', created_at: ago(0), expires_at: ago(-86_400), used_at: null, used_by: null, token: '3f0c7e19a2b84d6f' }];
  if (path === '/invitations') return page([]);
  if (path === '/schedules') return page(scenario.startsWith('fresh') ? [] : [schedule]);
  return null;
}

const schedule = {
  id: 'f1', name: 'every night', user: 'ann', group: 'vision-lab', reading: 'every day at 4:00', cron: '0 4 * * *', timezone: 'UTC', paused: false, pause_reason: '', next_at: ago(-30_000), last: null, version: 1,
} as unknown as S['Schedule'];
