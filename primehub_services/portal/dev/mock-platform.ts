/**
 * A made-up platform for working on the pages without a hub: `npm run dev`, or `npm run build && npm run mock`.
 * Never part of the build. The cookie `mock` chooses a scenario, so that a test can look at every state.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import type { components } from '../src/api/schema';
import { usageOf, workAnswer } from './mock-work.ts';

type S = components['schemas'];
type Notebook = S['Notebook'];
const API = '/services/primehub/api/v1';
const ago = (s: number) => new Date(Date.now() - s * 1000).toISOString();
const id = () => crypto.randomUUID().replaceAll('-', '');

const types: S['InstanceTypeOption'][] = [
  ['cpu-1', 1, 2, 0, 'Reading, plotting'], ['cpu-4', 4, 16, 0, 'Everyday work'], ['cpu-8', 8, 32, 0, 'Larger tables'],
  ['gpu-1', 4, 16, 1, 'Training on one GPU'], ['gpu-2', 8, 32, 2, 'Training on two GPUs'], ['gpu-4', 16, 64, 4, 'Training on four GPUs'],
].map(([name, cpu, mem, gpu, description]) => ({
  id: String(name), name: String(name), slug: String(name), display_name: '', description: String(description), idle_timeout: 7200,
  limits: { cpu: Number(cpu), memory: `${mem}Gi`, gpu: Number(gpu) }, requests: { cpu: Number(cpu), memory: `${mem}Gi`, gpu: Number(gpu) },
  disabled: name === 'gpu-4' ? 'It takes 4 GPUs, and your quota in this group is 2 GPUs in all.' : '',
}));
const image = (name: string, description: string, kind: S['ImageKind'], more: Partial<S['ImageOption']> = {}): S['ImageOption'] => ({
  id: name, name, slug: name, display_name: '', description, kind, group: null, phase: 'READY', progress: 100, disabled: '', ...more,
});
const images = [
  image('base-2026.11', 'Python 3.13, NumPy, pandas, scikit-learn', 'both'),
  image('pytorch-2.9', 'Python 3.13, PyTorch 2.9, CUDA when a GPU is there', 'both'),
  image('rapids-26.10', 'cuDF and cuML', 'gpu', { group: 'vision-lab' }),
  image('geo-2026', 'GDAL, rasterio, xarray', 'cpu', { phase: 'BUILDING', progress: 42, disabled: 'It is not ready yet (42 %).' }),
];
const groups: S['MyGroup'][] = [['vision-lab', 'Vision lab', 'admin'], ['forecasting', 'Forecasting', 'member'], ['language-models', 'Language models', 'member']]
  .map(([group, display_name, role]) => ({ group: group!, name: group!, display_name: display_name!, role: role as S['Role'], permissions: ['group.read', 'group.usage', 'launch.options'] }));
const me: S['Me'] = {
  name: 'ann', slug: 'ann', display_name: 'Ann Lee', email: 'ann@example.org', local: true, local_accounts: true, must_change_password: false,
  platform_admin: true, groups, scopes: [], permissions: ['platform.admin'], version: 1,
};
const usage: Record<string, S['GroupUsage']> = {};
for (const group of ['vision-lab', 'forecasting', 'language-models']) {
  usage[group] = {
    group,
    user: { quota: { cpu: 16, memory: null, gpu: 2 }, used: { cpu: 4, memory: '16Gi', gpu: 1 } },
    total: { quota: { cpu: 32, memory: '128Gi', gpu: 4 }, used: { cpu: 13, memory: '50Gi', gpu: 3 } },
    holders: [
      ['h1', 'job', 'augment-sweep-03', 'bo', 'gpu-1', 4, 16, 1, 6400], ['h2', 'job', 'resnet50-baseline', 'ann', 'gpu-1', 4, 16, 1, 1260],
      ['h3', 'notebook', '', 'chen', 'cpu-1', 1, 2, 0, 84000], ['h4', 'notebook', '', 'bo', 'gpu-1', 4, 16, 1, 320],
    ].map(([hid, kind, name, user, type, cpu, mem, gpu, s]) => ({
      id: String(hid), kind: kind as S['WorkloadKind'], name: String(name), user: String(user), instance_type: String(type),
      limits: { cpu: Number(cpu), memory: `${mem}Gi`, gpu: Number(gpu) }, since: ago(Number(s)), ends_at: ago(-600 * (1 + Number(String(hid).slice(1)) * 3)),
    })),
  };
}

function notebook(over: Partial<Notebook>): Notebook {
  return {
    id: id(), user: 'ann', server_name: '', group: 'vision-lab', instance_type: 'cpu-4', image: 'pytorch-2.9', limits: { cpu: 4, memory: '16Gi', gpu: 0 },
    safe_mode: false, phase: 'STOPPED', reason: 'stopped by ann', events: [], url: '/user/ann/lab', created_at: ago(90_000), ready_at: ago(89_996),
    ended_at: ago(80_000), idle_timeout: 7200, idle_deadline: null, idle_warning_at: null, keep_until: null, left_out: [], version: 1, ...over,
  };
}
const steps: [number, string, string][] = [
  [0, 'preparing', 'Claim made: 4 cores, 16 GiB for ann in vision-lab'], [0.1, 'preparing', 'Quota after this start: you 8 of 16 cores, group 17 of 32 cores'],
  [0.3, 'image', 'Image pytorch-2.9 is on this machine'], [0.6, 'creating', 'Sandbox with a network of its own'],
  [1.1, 'creating', 'Mounted /home/jovyan, /project/vision-lab, /datasets/defects (read only)'], [1.6, 'starting', 'JupyterLab is starting'],
  [4.2, 'ready', 'JupyterLab answers on port 38211'],
];
const eventsUntil = (from: number, seconds: number): Notebook['events'] => steps.filter(([s]) => s <= seconds)
  .map(([s, stage, message]) => ({ at: new Date(from + s * 1000).toISOString(), progress: Math.min(100, Math.round(s * 24)), stage, message }));
const past: Notebook[] = [
  notebook({ created_at: ago(4 * 3600), ready_at: ago(4 * 3600 - 4), ended_at: ago(1800), reason: 'idle' }),
  notebook({ created_at: ago(30 * 3600), ready_at: null, ended_at: ago(30 * 3600 - 9), phase: 'FAILED', reason: 'OOMKilled', image: 'base-2026.11' }),
  ...Array.from({ length: 4 }, (_, i) => notebook({ created_at: ago((50 + i * 30) * 3600), ready_at: ago((50 + i * 30) * 3600 - 4 - i), ended_at: ago((47 + i * 30) * 3600), image: i % 2 ? 'pytorch-2.9' : 'base-2026.11', instance_type: i % 2 ? 'cpu-8' : 'cpu-4' })),
].map((n) => ({ ...n, events: eventsUntil(Date.parse(n.created_at), n.phase === 'FAILED' ? 2 : 9) }));
const logText = Array.from({ length: 160 }, (_, i) => [
  `[I 2026-11-22 14:${String(10 + (i >> 4)).padStart(2, '0')}:${String((i * 7) % 60).padStart(2, '0')}.114 ServerApp] 200 GET /user/ann/api/contents?${1763790000 + i} (ann@127.0.0.1) ${(1.1 + (i % 9) / 3).toFixed(2)}ms`,
  i % 19 === 0 ? `[W 2026-11-22 14:${10 + (i >> 4)}:58.902 ServerApp] Kernel 5f1c reports memory at 81 % of its limit` : '',
].filter(Boolean).join('\n')).join('\n') + '\n';

type World = { active: Notebook | null; past: Notebook[]; environment: Record<string, string>; tokens: S['Token'][]; me: S['Me'] };
const worlds = new Map<string, World>();
const streams = new Set<{ scenario: string; response: ServerResponse; logs: string[] }>();
let seq = 100;

function worldOf(scenario: string): World {
  const found = worlds.get(scenario);
  if (found) return found;
  const running = notebook({ phase: 'RUNNING', reason: '', created_at: ago(2520), ready_at: ago(2516), ended_at: null, idle_deadline: new Date(Date.now() + 41 * 60_000).toISOString() });
  running.events = eventsUntil(Date.parse(running.created_at), 9);
  const starting = notebook({ phase: 'STARTING', reason: '', created_at: ago(2.5), ready_at: null, ended_at: null, url: '' });
  starting.events = eventsUntil(Date.parse(starting.created_at), 2.5);
  const name = scenario.split('-')[0];
  const world: World = {
    active: name === 'running' ? running : name === 'starting' ? starting : name === 'elsewhere' ? { ...running, group: 'forecasting' } : name === 'stopping' ? { ...running, phase: 'STOPPING' } : null,
    past: name === 'fresh' ? [] : name === 'failed' ? [{ ...past[1]!, created_at: ago(320), ended_at: ago(300) }, ...past] : past,
    environment: { WANDB_MODE: 'offline' },
    tokens: name === 'fresh' ? [] : [
      { id: 't1', note: 'nightly report', scopes: ['custom:primehub:read'], created_at: ago(86400 * 20), expires_at: ago(-86400 * 70), last_used_at: ago(3100) },
      { id: 't2', note: 'primehub on lab-laptop', scopes: ['custom:primehub:read', 'custom:primehub:write'], created_at: ago(86400 * 3), expires_at: ago(-86400 * 27), last_used_at: null },
    ],
    me: name === 'nogroup' ? { ...me, groups: [], platform_admin: false } : me,
  };
  worlds.set(scenario, world);
  return world;
}

function tell(scenario: string, kind: string, target: string): void {
  seq += 1;
  for (const stream of streams) {
    if (stream.scenario === scenario) stream.response.write(`id: ${seq}\nevent: change\ndata: ${JSON.stringify({ seq, kind, id: target, action: 'update', group_id: null, account_id: null })}\n\n`);
  }
}

const shown = (resource: string, value: number) => (resource === 'cpu' ? `${value} ${value === 1 ? 'core' : 'cores'}` : resource === 'memory' ? `${value} GiB` : `${value} ${value === 1 ? 'GPU' : 'GPUs'}`);
const of = (amounts: { cpu?: number | null; memory?: string | null; gpu?: number | null }, r: 'cpu' | 'memory' | 'gpu') => (amounts[r] === null || amounts[r] === undefined ? null : Number.parseFloat(String(amounts[r])));

function decide(group: string, type: S['InstanceTypeOption'] | undefined): S['Decision'] {
  const use = usage[group]!;
  const reasons: S['Reason'][] = [];
  const budgets: S['BudgetLine'][] = [];
  for (const [budget, part, place] of [['user', use.user!, 'your quota in this group is'], ['group', use.total, 'the group\'s quota is']] as const) {
    for (const resource of ['cpu', 'memory', 'gpu'] as const) {
      const limit = of(part.quota, resource);
      const used = of(part.used, resource) ?? 0;
      const asked = type ? of(type.limits, resource) ?? 0 : 0;
      budgets.push({ budget, resource, limit: limit === null ? null : shown(resource, limit), used: shown(resource, used), asked: shown(resource, asked) });
      if (limit !== null && asked > 0 && used + asked > limit) {
        reasons.push({
          code: 'quota', field: 'instance_type', budget, resource, limit: shown(resource, limit), used: shown(resource, used), asked: shown(resource, asked), short: shown(resource, used + asked - limit),
          message: `${shown(resource, used + asked - limit)} short: ${place} ${shown(resource, limit)}, ${shown(resource, used)} in use, ${shown(resource, asked)} asked.`,
          holders: budget === 'group' ? use.holders.filter((h) => (of(h.limits, resource) ?? 0) > 0).map((h) => ({ user: h.user, kind: h.kind, name: h.name, title: h.name, amount: shown(resource, of(h.limits, resource)!), since: h.since })) : [],
          help: budget === 'user' ? 'Stop something of your own in this group, or choose a smaller instance type.' : 'Ask one of the holders to stop, wait until one ends, or choose a smaller instance type.',
        });
      }
    }
  }
  return { would_start: reasons.length === 0, never: false, reasons, budgets, warnings: [] };
}

function start(scenario: string, world: World, request: S['LaunchRequest']): Notebook {
  const type = types.find((t) => t.slug === request.instance_type)!;
  const made = notebook({ group: request.group, instance_type: type.slug, image: request.image, limits: type.limits, phase: 'STARTING', reason: '', created_at: ago(0), ready_at: null, ended_at: null, url: '' });
  made.events = eventsUntil(Date.parse(made.created_at), 0);
  world.active = made;
  world.environment = request.environment ?? world.environment;
  const tick = () => {
    const now = world.active;
    if (now?.id !== made.id || now.phase !== 'STARTING') return;
    const seconds = (Date.now() - Date.parse(made.created_at)) / 1000;
    const ready = seconds > 4.2;
    world.active = { ...now, events: eventsUntil(Date.parse(made.created_at), seconds), ...(ready ? { phase: 'RUNNING' as const, ready_at: ago(0), url: '/user/ann/lab', idle_deadline: ago(-7200) } : {}) };
    tell(scenario, 'notebook', made.id);
    if (!ready) setTimeout(tick, 400);
  };
  setTimeout(tick, 400);
  return made;
}

function answer(scenario: string, method: string, path: string, query: URLSearchParams, sent: unknown): [number, unknown] {
  const world = worldOf(scenario);
  const problem = (status: number, code: string, title: string, detail: string, more = {}): [number, unknown] => [status, { type: code, title, status, detail, code, errors: [], request_id: '7f3a91c2', ...more }];
  const page = <T>(items: T[], size = Number(query.get('page_size') ?? 50), at = Number(query.get('page') ?? 1)) => ({ items: items.slice((at - 1) * size, at * size), total: items.length, page: at, page_size: size });
  if (scenario.startsWith('signedout')) return problem(401, 'unauthenticated', 'Sign in first', 'The session has ended.');
  if (scenario.startsWith('broken') && path !== '/me') return problem(503, 'unavailable', 'Not available just now', 'The database does not answer.');
  if (path === '/me' && method === 'PATCH') {
    const { version, ...change } = sent as S['MeUpdate'];
    world.me = { ...world.me, ...change, version: version + 1 } as S['Me'];
    return [200, world.me];
  }
  if (path === '/me') return [200, world.me];
  if (path === '/engine') return [200, { name: 'local', images: ['environment'], volumes: ['env', 'git', 'hostPath', 'pvc'], existing_claims: false }];
  if (path === '/settings') return [200, { name: 'PrimeHub', logo: '', keep_max: 86_400, idle_timeout: 7200, idle_warning: 600, job_timeout: 86_400, queue_keep_after: 600, members_may_invite: false, version: 1 }];
  if (path === '/announcements') return [200, page(scenario.includes('banner') ? [{ id: 'a1', message: 'The platform restarts at 18:00. Running jobs go on; notebooks stay open.', level: 'warning', group: null, created_by: 'bo', created_at: ago(100), starts_at: null, ends_at: null }] : [])];
  if (path === '/me/tokens' && method === 'POST') {
    const made = { id: id(), last_used_at: null, created_at: ago(0), expires_at: ago(-86400 * 30), ...(sent as S['TokenCreate']) };
    world.tokens = [made, ...world.tokens];
    return [201, { ...made, token: 'f2c8a1d0b94e4f7f9a3b6c5d1e0f8a72' }];
  }
  if (path === '/me/tokens') return [200, page(world.tokens)];
  const token = /^\/me\/tokens\/(\w+)$/.exec(path)?.[1];
  if (token) {
    world.tokens = world.tokens.filter((t) => t.id !== token);
    return [204, null];
  }
  if (/^\/login-requests\/\w+-?\w*\/approval$/.test(path)) {
    if (path.includes('GONE')) return problem(404, 'not-found', 'Not found', 'There is no login request that you can see.');
    return method === 'POST' ? [200, {}] : [200, { code: 'WDJB-MJHT', client: 'primehub', host: 'lab-laptop', scopes: ['custom:primehub:read', 'custom:primehub:write'], expires_in: 2_592_000, created_at: ago(20), expires_at: ago(-580), state: 'pending' }];
  }
  const work = workAnswer(scenario, method, path, query, sent);
  if (work) return work;
  const group = /^\/groups\/([\w-]+)\/([\w-]+)$/.exec(path);
  if (group) {
    const use = usage[group[1]!]!;
    if (group[2] === 'usage') return [200, scenario.startsWith('fresh') ? { ...use, holders: [], user: { ...use.user, used: { cpu: 0, memory: '0Mi', gpu: 0 } }, total: { ...use.total, used: { cpu: 0, memory: '0Mi', gpu: 0 } } } : use];
    if (group[2] === 'launch-options') {
      const building = scenario.startsWith('building');
      return [200, {
        group: group[1], instance_types: types, environment: world.environment, user: use.user!, total: use.total, budgets: decide(group[1]!, undefined).budgets, running: null,
        images: building ? [image('base-2026.11', 'Python environment with JupyterLab', 'both', { phase: 'BUILDING', progress: 42, disabled: 'It is not ready yet (42 %).' })] : images,
        defaults: { instance_type: 'cpu-4', image: 'pytorch-2.9', safe_mode: false },
        volumes: [{ name: 'defects', slug: 'defects', display_name: 'Defects', type: 'pvc', writable: false, left_out: '' }],
        mounts: [
          { kind: 'home', name: '', path: '/home/jovyan', safe_mode_path: '/home/jovyan/user', links: [], writable: true, left_out: '' },
          { kind: 'project', name: group[1]!, path: `/project/${group[1]!}`, safe_mode_path: `/project/${group[1]!}`, links: [`/home/jovyan/${group[1]!}`], writable: true, left_out: '' },
          { kind: 'dataset', name: 'Defects', path: '/datasets/defects', safe_mode_path: '/datasets/defects', links: ['/home/jovyan/datasets/defects'], writable: false, left_out: '' },
        ],
      } satisfies Partial<S['LaunchOptions']>];
    }
    const wanted = types.find((t) => t.slug === (sent as S['LaunchRequest']).instance_type);
    return [200, decide(group[1]!, wanted)];
  }
  if (path === '/notebooks' && method === 'POST') {
    const request = sent as S['LaunchRequest'];
    const decision = decide(request.group, types.find((t) => t.slug === request.instance_type));
    if (!decision.would_start) return problem(409, 'refused', 'This cannot start', decision.reasons.map((r) => r.message).join(' '), { decision });
    return [202, start(scenario, world, request)];
  }
  if (path === '/notebooks') return [200, page(query.get('active') === 'true' ? (world.active ? [world.active] : []) : world.past)];
  const one = /^\/notebooks\/(\w+)(\/\w+)?$/.exec(path);
  if (one) {
    const found = [world.active, ...world.past].find((n) => n?.id === one[1]);
    if (!found) return problem(404, 'not-found', 'Not found', `There is no notebook '${one[1]}' that you can see.`);
    if (one[2] === '/usage') return [200, usageOf(found.limits)];
    if (one[2] === '/log') return [200, { text: logText, offset: 0, next_offset: logText.length, size: logText.length, matches: [], more_matches: false } satisfies S['LogPart']];
    if (one[2] === '/keep') world.active = { ...found, keep_until: ago(-(sent as { seconds: number }).seconds), idle_deadline: ago(-(sent as { seconds: number }).seconds) };
    if (method === 'DELETE') {
      world.active = { ...found, phase: 'STOPPING' };
      setTimeout(() => {
        world.past = [{ ...found, phase: 'STOPPED', reason: 'stopped by ann', ended_at: ago(0) }, ...world.past];
        world.active = null;
        tell(scenario, 'notebook', found.id);
      }, 1200);
    }
    return [method === 'DELETE' ? 202 : 200, one[2] === '/keep' || method === 'DELETE' ? world.active : found];
  }
  return problem(404, 'not-found', 'Not found', `No ${path} in the mock.`);
}

async function serve(request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://mock');
  const scenario = /(?:^|; )mock=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'idle';
  if (!url.pathname.startsWith(API)) { next(); return; }
  const path = url.pathname.slice(API.length);
  if (path === '/events') {
    if (scenario.startsWith('lost')) return void response.writeHead(503).end();
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const stream = { scenario, response, logs: (url.searchParams.get('logs') ?? '').split(',').filter(Boolean) };
    response.write(`id: ${seq}\nevent: hello\ndata: {}\n\n`);
    streams.add(stream);
    const beat = setInterval(() => response.write(': beat\n\n'), 10_000);
    let at = logText.length;
    const growing = setInterval(() => {
      for (const log of stream.logs) {
        const text = `[I ${new Date().toISOString()} ServerApp] Saving file at /project/vision-lab/defects.ipynb\n`;
        response.write(`event: log\ndata: ${JSON.stringify({ id: log.split(':')[0], offset: at, next: at + text.length, text, ended: false })}\n\n`);
        at += text.length;
      }
    }, 2000);
    request.on('close', () => {
      clearInterval(beat);
      clearInterval(growing);
      streams.delete(stream);
    });
    return;
  }
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const [status, body] = answer(scenario, request.method ?? 'GET', path, url.searchParams, text ? JSON.parse(text) : null);
  await new Promise((done) => setTimeout(done, scenario.startsWith('slow') ? 60_000 : 30));
  response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' });
  response.end(body === null ? '' : JSON.stringify(body));
}

export function mockPlatform(): Plugin {
  const handle = (request: IncomingMessage, response: ServerResponse, next: () => void) => void serve(request, response, next);
  return {
    name: 'mock-platform',
    configureServer(server) {
      server.middlewares.use(handle);
    },
    configurePreviewServer(server) {
      server.middlewares.use(handle);
    },
  };
}
