import type { Job, JobSpec, LaunchOptions } from '../../api/types';
import type { Row } from '../../launch/env';
import { rowErrors, toEnvironment } from '../../launch/env';
import { firstChoice } from '../../launch/fit';
import { t } from '../../text';

export type Unit = 'minutes' | 'hours' | 'days';
export const UNITS: Record<Unit, number> = { minutes: 60, hours: 3600, days: 86_400 };

/** What the form of a job holds while it is filled in. */
export type Draft = {
  name: string; command: string; notebook: Job['notebook']; type: string | null; image: string | null;
  env: Row[]; secrets: Row[]; timeout: string; unit: Unit; retries: number;
};

type Like = Pick<Job, 'name' | 'command' | 'notebook' | 'instance_type' | 'image' | 'secrets' | 'retries'> & {
  environment: Record<string, string | null>; timeout: number | null;
};

const rows = (values: Record<string, string | null>): Row[] => Object.entries(values).map(([name, value]) => ({ name, value: value ?? '' }));

/** As another job or recurring job was, or empty with the choice that is usual in the group. */
export function draftOf(options: LaunchOptions, like: Like | null): Draft {
  const query = new URLSearchParams(like ? { instancetype: like.instance_type, image: like.image } : {});
  const { type, image } = firstChoice(options, query);
  const [timeout, unit] = like?.timeout ? inUnits(like.timeout) : [like?.timeout === 0 ? '0' : '', 'hours' as Unit];
  return {
    name: like?.name ?? '', command: like?.command ?? '', notebook: like?.notebook ?? null, type, image,
    env: rows(like?.environment ?? {}), secrets: rows(like?.secrets ?? {}), timeout, unit, retries: like?.retries ?? 0,
  };
}

function inUnits(seconds: number): [string, Unit] {
  const unit = (['days', 'hours', 'minutes'] as const).find((u) => seconds % UNITS[u] === 0) ?? 'minutes';
  return [String(Math.round((seconds / UNITS[unit]) * 100) / 100), unit];
}

export type Wrong = { command: string; timeout: string; env: string[]; secrets: string[] };

/** What is wrong before anybody is asked; empty words where nothing is. */
export function wrongOf(draft: Draft): Wrong {
  const hours = Number(draft.timeout);
  return {
    command: draft.notebook === null && draft.command.trim() === '' ? t.jobs.commandNeeded : '',
    timeout: draft.timeout !== '' && !(hours >= 0) ? t.jobs.timeoutBad : '',
    env: rowErrors(draft.env),
    secrets: rowErrors(draft.secrets).map((error, i) => error || (draft.secrets[i]!.name !== '' && draft.secrets[i]!.value === '' ? t.jobs.secretChoose : '')),
  };
}

export const isRight = (wrong: Wrong) => wrong.command === '' && wrong.timeout === '' && ![...wrong.env, ...wrong.secrets].some(Boolean);

/** What is to run, as far as it can be made: without a command a stand-in is asked about, for its size alone matters then. */
export function specOf(group: string, draft: Draft, wrong: Wrong): JobSpec | null {
  if (draft.type === null || draft.image === null) return null;
  return {
    group, instance_type: draft.type, image: draft.image, name: draft.name.trim(),
    command: draft.notebook === null ? draft.command || 'true' : '', notebook: draft.notebook,
    environment: wrong.env.some(Boolean) ? {} : toEnvironment(draft.env),
    secrets: wrong.secrets.some(Boolean) ? {} : toEnvironment(draft.secrets),
    timeout: draft.timeout === '' || wrong.timeout !== '' ? null : Math.round(Number(draft.timeout) * UNITS[draft.unit]),
    retries: draft.retries,
  };
}
