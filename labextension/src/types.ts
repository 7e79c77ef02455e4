/** The API's models, by the types that are generated from its document; and what the server extension adds to them. */
import type { components } from '../../primehub_services/portal/src/api/schema';

type Schemas = components['schemas'];
export type Resources = Schemas['Resources'];
export type Usage = Schemas['Usage'];
export type GroupUsage = Schemas['GroupUsage'];
export type Notebook = Schemas['Notebook'];
export type InstanceTypeOption = Schemas['InstanceTypeOption'];
export type ImageOption = Schemas['ImageOption'];
export type LaunchOptions = Schemas['LaunchOptions'];
export type Decision = Schemas['Decision'];
export type Phase = Schemas['JobPhase'];
export type LogPart = Schemas['LogPart'];
export type Overlap = Schemas['Overlap'];
export type CronPreview = Schemas['CronPreview'];

/** What this notebook server is to the platform. */
export interface Context {
  available: boolean;
  reason: string;
  user: string;
  group: { slug: string; name: string } | null;
  instance_type: string;
  image: string;
  notebook: Notebook | null;
  usage: GroupUsage | null;
  portal_url: string;
  jobs_url: string;
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

/** `placed`: where the result was placed beside the original; null where it was not. */
export type Job = Schemas['Job'] & { placed: string | null };

export interface Jobs {
  items: Job[];
  total: number;
  active: number;
}

/** `differs`: the file is not what runs any more; null where that is not known, or the file itself runs. */
export type Schedule = Schemas['Schedule'] & { differs: boolean | null };

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
