import type { ImageOption, InstanceTypeOption, Job, JobSpec, LaunchOptions } from '../../api/types';
import type { Row } from '../../launch/env';
import { rowErrors, toEnvironment } from '../../launch/env';
import { firstChoice, pairFits } from '../../launch/fit';
import { t } from '../../text';

export type Unit = 'minutes' | 'hours' | 'days';
export const UNITS: Record<Unit, number> = { minutes: 60, hours: 3600, days: 86_400 };

/** What the form of a job holds while it is filled in. */
export type Draft = {
  name: string; command: string; notebook: Job['notebook']; parameters: Row[]; type: string | null; image: string | null;
  env: Row[]; secrets: Row[]; timeout: string; unit: Unit; retries: number;
};

type Like = Pick<Job, 'name' | 'command' | 'notebook' | 'instance_type' | 'image' | 'secrets' | 'retries'> & {
  environment: Record<string, string | null>; timeout: number | null;
};

const rows = (values: Record<string, string | null>): Row[] => Object.entries(values).map(([name, value]) => ({ name, value: value ?? '' }));

const named = <T extends { slug: string; name: string }>(things: readonly T[], wanted: string | null) => things.find((x) => x.slug === wanted || x.name === wanted);

/** As another job or recurring job was, or empty with the choice that is usual in the group. What cannot be chosen any more stays chosen, and is wrong. */
export function draftOf(options: LaunchOptions, like: Like | null): Draft {
  const usual = firstChoice(options, new URLSearchParams());
  const [timeout, unit] = like?.timeout ? inUnits(like.timeout) : [like?.timeout === 0 ? '0' : '', 'hours' as Unit];
  return {
    name: like?.name ?? '', command: like?.command ?? '', notebook: like?.notebook ?? null,
    parameters: Object.entries(like?.notebook?.parameters ?? {}).map(([name, value]) => ({ name, value: JSON.stringify(value) })),
    type: like ? named(options.instance_types, like.instance_type)?.slug ?? like.instance_type : usual.type,
    image: like ? named(options.images, like.image)?.slug ?? like.image : usual.image,
    env: rows(like?.environment ?? {}), secrets: rows(like?.secrets ?? {}), timeout, unit, retries: like?.retries ?? 0,
  };
}

function inUnits(seconds: number): [string, Unit] {
  const unit = (['days', 'hours', 'minutes'] as const).find((u) => seconds % UNITS[u] === 0) ?? 'minutes';
  return [String(Math.round((seconds / UNITS[unit]) * 100) / 100), unit];
}

export type Wrong = { command: string; parameters: string[]; type: string; image: string; timeout: string; env: string[]; secrets: string[] };

/** What is wrong before anybody is asked; empty words where nothing is. */
export function wrongOf(draft: Draft, options: LaunchOptions): Wrong {
  const hours = Number(draft.timeout);
  return {
    command: draft.notebook === null && draft.command.trim() === '' ? t.jobs.commandNeeded : '',
    parameters: draft.parameters.map((row, i) => parameterError(row, draft.parameters.slice(0, i))),
    ...choiceErrors(draft, options),
    timeout: draft.timeout !== '' && !(hours >= 0) ? t.jobs.timeoutBad : '',
    env: rowErrors(draft.env),
    secrets: rowErrors(draft.secrets).map((error, i) => error || (draft.secrets[i]!.name !== '' && draft.secrets[i]!.value === '' ? t.jobs.secretChoose : '')),
  };
}

/** Why the size or the image that is chosen cannot be: of an older job, it may be gone by now. Where none is chosen, what to do. */
function choiceErrors(draft: Draft, options: LaunchOptions): Pick<Wrong, 'type' | 'image'> {
  const type = named(options.instance_types, draft.type);
  const image = named(options.images, draft.image);
  const gone = (what: string, slug: string, found: { disabled: string } | undefined) => (found?.disabled === '' ? '' : t.jobs.choiceGone(what, slug));
  return {
    type: draft.type === null ? t.jobs.typeNeeded(options.instance_types.some(open)) : gone(t.notebook.type, draft.type, type),
    image: draft.image === null ? imageNeeded(options.images.filter(open), type) : gone(t.notebook.image, draft.image, image) || (type && image && !pairFits(type, image) ? `${t.notebook.needsGpu}.` : ''),
  };
}

const open = (choice: { disabled: string }) => choice.disabled === '';

const imageNeeded = (images: readonly ImageOption[], type: InstanceTypeOption | undefined): string =>
  (images.length === 0 ? t.jobs.imageNone : images.some((image) => pairFits(type ?? null, image)) ? t.jobs.imageNeeded : t.jobs.imageFitsNone);

function parameterError(row: Row, before: readonly Row[]): string {
  if (row.name === '') return row.value === '' ? '' : t.jobs.parameterNoName;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(row.name)) return t.jobs.parameterBadName;
  if (before.some((other) => other.name === row.name)) return t.jobs.parameterTwice;
  return parameterOf(row.value) === undefined ? t.jobs.parameterBadValue : '';
}

/** JSON, or a plain word as the text that it is; undefined for what was meant as JSON and is none. */
export function parameterOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim() === '' || /^\s*["[{]/.test(text) ? undefined : text;
  }
}

export const isRight = (wrong: Wrong) => Object.values(wrong).flat().every((words) => words === '');

/** What is to run, as far as it can be made: without a command a stand-in is asked about, for its size alone matters then. */
export function specOf(group: string, draft: Draft, wrong: Wrong): JobSpec | null {
  if (draft.type === null || draft.image === null) return null;
  return {
    group, instance_type: draft.type, image: draft.image, name: draft.name.trim(),
    command: draft.notebook === null ? draft.command || 'true' : '', notebook: withParameters(draft, wrong),
    environment: wrong.env.some(Boolean) ? {} : toEnvironment(draft.env),
    secrets: wrong.secrets.some(Boolean) ? {} : toEnvironment(draft.secrets),
    timeout: draft.timeout === '' || wrong.timeout !== '' ? null : Math.round(Number(draft.timeout) * UNITS[draft.unit]),
    retries: draft.retries,
  };
}

function withParameters({ notebook, parameters }: Draft, wrong: Wrong): Draft['notebook'] {
  if (notebook === null || wrong.parameters.some(Boolean)) return notebook;
  return { ...notebook, parameters: Object.fromEntries(parameters.filter((row) => row.name !== '').map((row) => [row.name, parameterOf(row.value)])) as typeof notebook.parameters };
}
