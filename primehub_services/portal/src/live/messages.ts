/** What tabs and the one holder of the event stream say to each other. */

export type ToStream =
  /** `since` is the newest change that the server knew of when it sent the tab's page. */
  | { type: 'hello'; api: string; xsrf: string; since: string }
  | { type: 'logs'; logs: Record<string, number> }
  | { type: 'alive'; xsrf: string }
  | { type: 'retry'; xsrf: string }
  | { type: 'bye' };

export type Change = { kind: string; id: string; action: string; group_id?: string | null };
export type LogPart = { id: string; offset: number; next: number; text: string; ended: boolean };

export type StreamState =
  | { is: 'connecting' }
  | { is: 'open' }
  | { is: 'lost'; retryAt: number }
  | { is: 'signed-out' };

export type FromStream =
  | { type: 'state'; state: StreamState }
  | { type: 'change'; change: Change }
  | { type: 'reset' }
  /** What this tab asked for is no longer known: it is to say its logs again. */
  | { type: 'tell' }
  | { type: 'log'; part: LogPart };
