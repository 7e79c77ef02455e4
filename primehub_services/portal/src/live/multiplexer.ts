import { EventParser, type ServerEvent } from './sse';
import type { Change, FromStream, LogPart, StreamState, ToStream } from './messages';

const SILENCE = 40_000; // the server sends something at least every 15 s
const FORGET = 200_000; // hidden tabs are let run once a minute
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;
const LOGS = 20; // the server refuses a stream with more

type Client = { logs: Record<string, number>; seen: number };

/**
 * The one event stream of a browser, for all of its tabs. It lives in a SharedWorker, or in the one tab that leads.
 * Changes go to every tab; a part of a log to those that asked for that log. Nothing is lost when the stream is
 * opened anew (a tab wants another log, the laptop slept): it resumes after the last event seen.
 */
export class Multiplexer {
  private clients = new Map<string, Client>();
  private api = '';
  private xsrf = '';
  private state: StreamState = { is: 'connecting' };
  private abort: AbortController | null = null;
  private lastId = '';
  private delay = FIRST_RETRY;
  private lastByte = 0;
  /** The server has said that account or session have ended. */
  private gone = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** How far each log was delivered; those asked for last come last. */
  private offsets = new Map<string, number>();
  /** The logs that the stream was opened with. */
  private carried = new Set<string>();

  /** `left` is called with each tab that has gone, also where it could not say so. */
  constructor(private readonly send: (client: string | null, message: FromStream) => void, private readonly left: (client: string) => void = () => {}) {
    let last = Date.now();
    setInterval(() => {
      const now = Date.now();
      const slept = now - last > 30_000;
      last = now;
      // no tab could say that it is there
      if (slept) for (const client of this.clients.values()) client.seen = now;
      for (const [id, client] of this.clients) if (now - client.seen > FORGET) this.forget(id);
      if (this.abort && (slept || now - this.lastByte > SILENCE)) this.connect();
    }, 5_000);
  }

  receive(id: string, message: ToStream): void {
    if (message.type === 'bye') { this.forget(id); return; }
    const known = this.clients.get(id);
    const client = known ?? { logs: {}, seen: 0 };
    client.seen = Date.now();
    this.clients.set(id, client);
    if ('xsrf' in message) this.xsrf = message.xsrf;
    // it was frozen for so long that it was forgotten
    const forgotten = known === undefined && message.type !== 'hello';
    if (forgotten) this.send(id, { type: 'reset' });
    if (message.type === 'hello') {
      this.api = message.api;
      // a stream begins where the page was sent, so that nothing that the page asks for has to be asked again
      if (this.lastId === '') this.lastId = message.since;
    } else if (message.type === 'logs') {
      this.follow(client, message.logs);
    } else if (forgotten) {
      this.send(id, { type: 'tell' });
    } else if (message.type === 'retry') {
      this.prefer(client);
    }
    const { is } = this.state;
    const asked = message.type === 'retry' ? is !== 'open' : message.type === 'hello' && is === 'signed-out';
    if (asked || (is !== 'signed-out' && this.idle())) this.connect();
    if (message.type === 'hello' || message.type === 'retry' || forgotten) this.send(id, { type: 'state', state: this.state });
  }

  /** Whether there is no stream, and none will be opened by itself. */
  private idle(): boolean {
    return this.api !== '' && this.abort === null && this.timer === undefined;
  }

  private follow(client: Client, logs: Record<string, number>): void {
    let behind = false;
    for (const [log, offset] of Object.entries(logs)) {
      const delivered = this.offsets.get(log) ?? offset;
      if (offset < delivered) behind = true;
      if (!(log in client.logs)) this.offsets.delete(log);
      // a tab needs a log from its own offset; the others skip what they have
      this.offsets.set(log, Math.min(offset, delivered));
    }
    client.logs = logs;
    this.carry(behind);
  }

  /** Somebody looks at this tab: where not all logs can be carried, its own are. */
  private prefer(client: Client): void {
    for (const log of Object.keys(client.logs)) {
      const delivered = this.offsets.get(log)!;
      this.offsets.delete(log);
      this.offsets.set(log, delivered);
    }
    this.carry();
  }

  /** What the stream is to carry, and from where. */
  private wanted(): [log: string, offset: number][] {
    const wanted = new Set([...this.clients.values()].flatMap((client) => Object.keys(client.logs)));
    for (const log of this.offsets.keys()) {
      if (wanted.has(log)) continue;
      this.offsets.delete(log);
      this.carried.delete(log);
    }
    return [...this.offsets].slice(-LOGS);
  }

  private carry(behind = false): void {
    const missing = this.wanted().some(([log]) => !this.carried.has(log));
    if (this.api && (missing || behind)) this.connect();
  }

  private forget(id: string): void {
    this.clients.delete(id);
    this.left(id);
    if (this.clients.size > 0) {
      this.carry();
      return;
    }
    this.abort?.abort();
    this.abort = null;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private become(state: StreamState): void {
    this.state = state;
    this.send(null, { type: 'state', state });
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.lastByte = Date.now();
    this.gone = false;
    if (this.state.is !== 'open') this.become({ is: 'connecting' });
    void this.read(abort.signal)
      .catch(() => 'lost' as const)
      .then((end) => {
        if (this.abort !== abort) return;
        this.abort = null;
        if (end === 'signed-out') { this.become({ is: 'signed-out' }); return; }
        // the spread keeps the browsers of a whole group from coming back in the same instant
        const wait = this.delay * (0.75 + Math.random() / 2);
        this.delay = Math.min(this.delay * 2, LAST_RETRY);
        this.become({ is: 'lost', retryAt: Date.now() + wait });
        this.timer = setTimeout(() => this.connect(), wait);
      });
  }

  private async read(signal: AbortSignal): Promise<'lost' | 'signed-out'> {
    const url = new URL(`${this.api}/events`, self.location.origin);
    const logs = this.wanted();
    this.carried = new Set(logs.map(([log]) => log));
    if (logs.length > 0) url.searchParams.set('logs', logs.map(([log, offset]) => `${log}:${offset}`).join(','));
    const headers: Record<string, string> = { Accept: 'text/event-stream', 'X-XSRFToken': this.xsrf };
    if (this.lastId) headers['Last-Event-ID'] = this.lastId;
    const response = await fetch(url, { headers, signal, credentials: 'same-origin', cache: 'no-store', redirect: 'manual' });
    if (response.status === 401 || response.type === 'opaqueredirect') return 'signed-out';
    if (!response.ok || response.body === null) return 'lost';
    // what happened before the first event is known to nobody; a stream that was opened anew for a log missed nothing
    const missed = this.lastId === '' && this.state.is !== 'open';
    this.delay = FIRST_RETRY;
    this.become({ is: 'open' });
    if (missed) this.send(null, { type: 'reset' });
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted || done) return 'lost';
      this.lastByte = Date.now();
      for (const event of parser.push(value)) this.deliver(event);
      if (this.gone) return 'signed-out';
      if (parser.id) this.lastId = parser.id;
    }
  }

  private deliver(event: ServerEvent): void {
    if (event.event === 'reset') {
      this.send(null, { type: 'reset' });
    } else if (event.event === 'gone') {
      this.gone = true;
    } else if (event.event === 'change') {
      this.send(null, { type: 'change', change: JSON.parse(event.data) as Change });
    } else if (event.event === 'log') {
      const said = JSON.parse(event.data) as LogPart & { attempt?: number };
      // a job's log is followed attempt by attempt, and asked for by both
      const part: LogPart = said.attempt === undefined ? said : { ...said, id: `${said.id}/${said.attempt}` };
      if (this.offsets.has(part.id)) this.offsets.set(part.id, part.next);
      for (const [id, client] of this.clients) if (part.id in client.logs) this.send(id, { type: 'log', part });
    }
  }
}
