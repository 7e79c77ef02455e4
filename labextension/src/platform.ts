import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Client } from './client';
import { Problem } from './client';
import type { Context } from './types';

const EVERY = 30_000;

/** What this server is to PrimeHub: group, quota, time left. Asked for every half minute while the page is seen. */
export class Platform {
  constructor(readonly client: Client) {
    this.poll = new Poll({
      name: 'primehub:context',
      factory: () => this.look(),
      frequency: { interval: EVERY, backoff: true, max: 4 * EVERY },
      standby: 'when-hidden',
    });
  }

  /** Null until the first answer. */
  context: Context | null = null;
  /** Why nothing is known; empty where something is. */
  problem: Problem | null = null;

  get changed(): ISignal<this, void> {
    return this.signal;
  }

  /** Ask again now. */
  refresh(): Promise<void> {
    return this.poll.refresh();
  }

  /** Keep this server for an hour. Rejects with a `Problem`. */
  async keep(): Promise<void> {
    const notebook = await this.client.keep();
    if (this.context !== null) this.context = { ...this.context, notebook };
    this.signal.emit();
  }

  private async look(): Promise<void> {
    try {
      const found = await this.client.context();
      // while the platform is away, what it said last is still the best that is known
      const known = found.available ? null : this.context;
      this.context = known === null ? found : { ...known, available: false, reason: found.reason };
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Problem ? error : new Problem(String(error), 0);
      this.signal.emit();
      throw error;
    }
    this.signal.emit();
  }

  private readonly poll: Poll;
  private readonly signal = new Signal<this, void>(this);
}
