import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  Context, CronPreview, Decision, Job, JobRequest, Jobs, LaunchOptions, LogPart, Notebook, Parameters, Schedule, ScheduleRequest,
} from './types';

export interface FieldError {
  field: string;
  message: string;
  fix?: string;
}

/** What the platform, or the way to it, answered instead of what was asked for. `status` 0: no answer at all. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code = '',
    readonly errors: FieldError[] = [],
    readonly decision: Decision | null = null,
  ) {
    super(message);
    this.name = 'Problem';
  }
}

interface Answer {
  response: Response;
  body: unknown;
}

interface ProblemBody {
  detail?: string;
  message?: string;
  title?: string;
  code?: string;
  errors?: FieldError[];
  decision?: Decision;
}

/** The server extension's endpoints. Every method rejects with a `Problem`. */
export class Client {
  constructor(private readonly settings = ServerConnection.makeSettings()) {}

  context = () => this.get<Context>('context');
  launchOptions = () => this.get<LaunchOptions>('launch-options');
  parameters = (content: unknown) => this.send<Parameters>('POST', 'parameters', { content });
  check = (request: Partial<JobRequest>) => this.send<Decision>('POST', 'job-checks', request);
  submit = (request: JobRequest) => this.send<Job>('POST', 'jobs', request);
  job = (id: string) => this.get<Job>(`jobs/${id}`);
  cancel = (id: string) => this.send<Job>('POST', `jobs/${id}/cancel`);
  rerun = (id: string) => this.send<Job>('POST', `jobs/${id}/rerun`);
  place = (id: string) => this.send<{ path: string }>('POST', `jobs/${id}/place`);
  keep = () => this.send<Notebook>('POST', 'keep', {});
  schedules = async () => (await this.get<{ items: Schedule[] }>('schedules')).items;
  createSchedule = (request: ScheduleRequest) => this.send<Schedule>('POST', 'schedules', request);
  updateSnapshot = (id: string, path: string, content: unknown) => this.send<Schedule>('PUT', `schedules/${id}/snapshot`, { path, content });
  previewCron = (cron: string, timezone: string) => this.send<CronPreview>('POST', 'schedule-previews', { cron, timezone });
  log = (id: string, query: { offset: number } | { tail: number }) =>
    this.get<LogPart>(`jobs/${id}/log${URLExt.objectToQueryString({ ...query })}`);

  /** The person's jobs, newest first; null where nothing changed since `etag`. */
  async jobs(etag: string | null): Promise<{ jobs: Jobs; etag: string | null } | null> {
    // the browser's own cache would answer 200 in the place of 304
    const { response, body } = await this.ask('jobs?limit=50', {
      method: 'GET', cache: 'no-store', ...(etag === null ? {} : { headers: { 'If-None-Match': etag } }),
    });
    return response.status === 304 ? null : { jobs: body as Jobs, etag: response.headers.get('ETag') };
  }

  private async get<T>(path: string): Promise<T> {
    return (await this.ask(path, { method: 'GET' })).body as T;
  }

  private async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return (await this.ask(path, init)).body as T;
  }

  private async ask(path: string, init: RequestInit): Promise<Answer> {
    const url = URLExt.join(this.settings.baseUrl, 'primehub', path);
    let response: Response;
    let text: string;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
      text = await response.text();
    } catch (error) {
      throw new Problem(error instanceof Error ? error.message : String(error), 0, 'unreachable');
    }
    const body = parsed(text);
    if (response.ok || response.status === 304) return { response, body };
    const said = (typeof body === 'object' && body !== null ? body : {}) as ProblemBody;
    const words = said.detail ?? said.message ?? said.title ?? response.statusText;
    throw new Problem(words, response.status, said.code ?? '', said.errors ?? [], said.decision ?? null);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
