import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';
import { Problem, type Client } from '../client';
import type { Job, Jobs, Schedule } from '../types';

const QUICK = 2_000;
const CALM = 15_000;
const SCHEDULES_EVERY = 30_000;
/** Waiting jobs whose place in the queue is asked for: those that are seen first. */
const PLACES = 5;
const FINAL = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

export const isFinal = (job: Job) => FINAL.has(job.phase);

/** The person's jobs as they are now. Asks only while somebody looks. */
export class JobsModel {
  constructor(readonly client: Client) {
    this.poll = new Poll({
      auto: false,
      name: 'primehub:jobs',
      factory: () => this.look(),
      frequency: { interval: CALM, backoff: true, max: 60_000 },
      standby: () => document.hidden || !this.seen,
    });
  }

  jobs: Jobs | null = null;
  schedules: Schedule[] | null = null;
  problem: Problem | null = null;
  /** The job that ended last, of those that were seen before their end. */
  last: Job | null = null;
  schedulesProblem: Problem | null = null;

  /** Something is different from before. */
  get changed(): ISignal<this, void> {
    return this.changes;
  }

  /** A job that was seen before its end has ended. */
  get ended(): ISignal<this, Job> {
    return this.ends;
  }

  /** Whether anybody looks. */
  set visible(seen: boolean) {
    if (this.seen === seen) return;
    this.seen = seen;
    if (seen) void this.refresh();
  }

  /** Ask now. */
  async refresh(): Promise<void> {
    this.schedulesAt = 0;
    await this.poll.refresh();
    await this.poll.tick;
  }

  async cancel(job: Job): Promise<void> {
    this.put(await this.client.cancel(job.id));
  }

  async rerun(job: Job): Promise<void> {
    this.put(await this.client.rerun(job.id));
  }

  /** Show a job that was just made, before it is found by asking. */
  put(job: Job): void {
    const jobs = this.jobs ?? { items: [], total: 0, active: 0 };
    const known = jobs.items.some((one) => one.id === job.id);
    const items = known ? jobs.items.map((one) => (one.id === job.id ? { ...one, ...job, placed: job.placed ?? one.placed } : one)) : [job, ...jobs.items];
    this.jobs = { items, total: jobs.total + Number(!known), active: items.filter((one) => !isFinal(one)).length };
    this.etag = null;
    this.changes.emit();
    void this.poll.schedule({ phase: 'resolved', interval: QUICK });
  }

  private async look(): Promise<void> {
    try {
      const answer = await this.client.jobs(this.etag);
      let jobs = answer?.jobs ?? this.jobs!;
      jobs = { ...jobs, items: await this.withPlaces(jobs.items) };
      this.etag = answer === null ? this.etag : answer.etag;
      this.tellEnds(jobs);
      this.jobs = jobs;
      this.problem = null;
    } catch (error) {
      this.problem = asProblem(error);
      this.changes.emit();
      throw error;
    }
    await this.lookAtSchedules();
    this.poll.frequency = { interval: this.jobs.active > 0 ? QUICK : CALM, backoff: true, max: 60_000 };
    this.changes.emit();
  }

  private async lookAtSchedules(): Promise<void> {
    if (Date.now() - this.schedulesAt < SCHEDULES_EVERY) return;
    try {
      this.schedules = await this.client.schedules();
      this.schedulesProblem = null;
      this.schedulesAt = Date.now();
    } catch (error) {
      this.schedulesProblem = asProblem(error);
    }
  }

  /** Where the first waiting jobs stand is in the answer about one job alone. */
  private withPlaces(items: Job[]): Promise<Job[]> {
    const waiting = items.filter((job) => job.phase === 'PENDING').slice(-PLACES);
    return Promise.all(items.map(async (job) => {
      if (!waiting.includes(job)) return job;
      try {
        return await this.client.job(job.id);
      } catch {
        return job;
      }
    }));
  }

  private tellEnds(now: Jobs): void {
    for (const job of now.items) {
      const before = this.jobs?.items.find((one) => one.id === job.id);
      if (before === undefined || isFinal(before) || !isFinal(job)) continue;
      this.last = job;
      this.ends.emit(job);
    }
  }

  private seen = false;
  private etag: string | null = null;
  private schedulesAt = 0;
  private readonly poll: Poll;
  private readonly changes = new Signal<this, void>(this);
  private readonly ends = new Signal<this, Job>(this);
}

function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(String(error), 0);
}
