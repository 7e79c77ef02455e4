/** The API's models, as far as they are read here, and what the server extension adds to them. */

export interface Resources {
  cpu: number;
  memory: string;
  gpu: number;
}

export interface Quota {
  cpu: number | null;
  memory: string | null;
  gpu: number | null;
}

export interface Usage {
  quota: Quota;
  used: Resources;
}

export interface GroupUsage {
  user: Usage | null;
  total: Usage;
}

export interface Notebook {
  id: string;
  phase: string;
  idle_deadline: string | null;
  idle_warning_at: string | null;
  keep_until: string | null;
  idle_timeout: number;
}

export interface Context {
  available: boolean;
  reason: string;
  user: string;
  group: { slug: string; name: string } | null;
  instance_type: string | null;
  image: string | null;
  notebook: Notebook | null;
  usage: GroupUsage | null;
  portal_url: string;
  jobs_url: string;
}

export interface InstanceTypeOption {
  slug: string;
  name: string;
  display_name: string;
  description: string;
  limits: Resources;
  disabled: string;
}

export interface ImageOption {
  slug: string;
  name: string;
  display_name: string;
  description: string;
  kind: string;
  phase: string;
  progress: number;
  disabled: string;
}

export interface LaunchOptions {
  instance_types: InstanceTypeOption[];
  images: ImageOption[];
  defaults: { instance_type: string | null; image: string | null };
}

export interface Holder {
  user: string | null;
  kind: string;
  name: string | null;
  amount: string;
  since: string;
}

export interface Reason {
  code: string;
  field: string | null;
  budget: string | null;
  resource: string | null;
  message: string;
  short: string | null;
  holders: Holder[];
  help: string;
}

export interface Decision {
  would_start: boolean;
  never: boolean;
  reasons: Reason[];
  warnings: string[];
}

export type ParameterType = 'str' | 'int' | 'float' | 'bool' | 'list' | 'dict' | 'none' | 'unknown';

export interface Parameter {
  name: string;
  type: ParameterType;
  /** The value as JSON; null where it is an expression. */
  default: unknown;
  /** The text after `=`. */
  source: string;
  help: string;
}

export interface Parameters {
  language: string;
  supported: boolean;
  message: string;
  parameters: Parameter[];
}

export type Phase = 'PENDING' | 'PREPARING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'UNKNOWN';

export interface QueuePlace {
  position: number;
  of: number;
  waiting_since: string;
  kept: boolean;
  decision: Decision;
  estimate: string | null;
}

export interface Job {
  id: string;
  name: string;
  instance_type: string;
  image: string;
  notebook: { path: string; parameters: Record<string, unknown> } | null;
  phase: Phase;
  reason: string;
  message: string;
  cancel_requested: string | null;
  queue: QueuePlace | null;
  progress: { cells: number; done: number; cell: number | null; label: string } | null;
  artifacts: { files: number; size: number; message: string };
  schedule: string | null;
  schedule_name: string;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** Where the result was placed beside the original; null where it was not. */
  placed: string | null;
}

export interface Jobs {
  items: Job[];
  total: number;
  active: number;
}

export interface LogPart {
  offset: number;
  next_offset: number;
  size: number;
  text: string;
}

export type Overlap = 'skip' | 'queue' | 'replace';

export interface Schedule {
  id: string;
  name: string;
  cron: string;
  timezone: string;
  reading: string;
  job: { notebook: { path: string } | null };
  paused: boolean;
  pause_reason: string;
  notebook_reads_file: boolean;
  snapshot_at: string | null;
  next_at: string | null;
  last: { instant: string; outcome: string; job: string | null; message: string } | null;
  version: number;
  differs: boolean | null;
}

export interface CronPreview {
  reading: string;
  next: string[];
}

/** A notebook to be run, as `POST jobs` of the server extension takes it. */
export interface JobRequest {
  path: string;
  content: unknown;
  instance_type: string;
  image: string;
  name?: string;
  parameters?: Record<string, unknown>;
  timeout?: number;
  include_folder?: boolean;
}

export interface ScheduleRequest {
  name: string;
  cron: string;
  timezone: string;
  overlap: Overlap;
  catch_up: boolean;
  notebook_reads_file: boolean;
  job: JobRequest;
}
