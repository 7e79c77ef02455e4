import type { ImageOption, InstanceTypeOption, Job, JobSpec, LaunchOptions } from '../../api/types';
import type { Row } from '../../launch/env';
import { rowErrors, toEnvironment } from '../../launch/env';
import { firstChoice, pairFits } from '../../launch/fit';
import { showTimeout } from '../../parts/form/fields';
import type { Errors, Words } from '../../parts/form/form';
import { t } from '../../text';

/** What the form of a job holds while it is filled in. */
export type Draft = {
  name: string; command: string; notebook: Job['notebook']; parameters: Row[]; type: string | null; image: string | null;
  env: Row[]; secrets: Row[]; timeout: number | null; retries: number | null;
};

const names = (rows: Row[]) => rows.map((row) => row.name).join(', ') || t.form.empty;

/** What the fields are called, and where the API has them: `below` what, in a recurring job. */
export const wordsOf = (below = ''): Words<Draft> => ({
  name: { label: t.jobs.name },
  command: { label: t.jobs.command, field: `${below}command` },
  notebook: { label: t.jobs.notebook, field: `${below}notebook.snapshot` },
  parameters: { label: t.jobs.parameters, field: `${below}notebook.parameters`, show: names },
  type: { label: t.notebook.type, field: `${below}instance_type` },
  image: { label: t.notebook.image, field: `${below}image` },
  env: { label: t.notebook.env, field: `${below}environment`, show: names },
  secrets: { label: t.jobs.secrets, field: `${below}secrets`, show: names },
  timeout: { label: t.jobs.timeout, field: `${below}timeout`, show: (value) => showTimeout(value, t.jobs.asGroup) },
  retries: { label: t.jobs.retries, field: `${below}retries` },
});

type Like = Pick<Job, 'name' | 'command' | 'notebook' | 'instance_type' | 'image' | 'secrets' | 'retries'> & {
  environment: Record<string, string | null>; timeout: number | null;
};

const rows = (values: Record<string, string | null>): Row[] => Object.entries(values).map(([name, value]) => ({ name, value: value ?? '' }));

const named = <T extends { slug: string; name: string }>(things: readonly T[], wanted: string | null) => things.find((x) => x.slug === wanted || x.name === wanted);

/** As another job or recurring job was, or empty with the choice that is usual in the group. What cannot be chosen any more stays chosen, and is wrong. */
export function draftOf(options: LaunchOptions, like: Like | null): Draft {
  const usual = firstChoice(options, new URLSearchParams());
  return {
    name: like?.name ?? '', command: like?.command ?? '', notebook: like?.notebook ?? null,
    parameters: Object.entries(like?.notebook?.parameters ?? {}).map(([name, value]) => ({ name, value: JSON.stringify(value) })),
    type: like ? named(options.instance_types, like.instance_type)?.slug ?? like.instance_type : usual.type,
    image: like ? named(options.images, like.image)?.slug ?? like.image : usual.image,
    env: rows(like?.environment ?? {}), secrets: rows(like?.secrets ?? {}), timeout: like?.timeout ?? null, retries: like?.retries ?? 0,
  };
}

/** What is wrong before anybody is asked. */
export function check(draft: Draft, options: LaunchOptions): Errors<Draft> {
  const first = (errors: string[]) => errors.find(Boolean);
  return {
    command: draft.notebook === null && draft.command.trim() === '' ? t.jobs.commandNeeded : undefined,
    parameters: first(parameterErrors(draft.parameters)), env: first(rowErrors(draft.env)), secrets: first(secretErrors(draft.secrets)),
    ...choiceErrors(draft, options),
  };
}

/** Why the size or the image that is chosen cannot be: of an older job, it may be gone by now. Where none is chosen, what to do. */
export function choiceErrors(draft: Draft, options: LaunchOptions): { type: string; image: string } {
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

export const parameterErrors = (rows: readonly Row[]): string[] => rows.map((row, i) => parameterError(row, rows.slice(0, i)));

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

export const secretErrors = (rows: readonly Row[]): string[] =>
  rowErrors(rows).map((error, i) => error || (rows[i]!.name !== '' && rows[i]!.value === '' ? t.jobs.secretChoose : ''));

/** What is to run, as far as it can be made: without a command a stand-in is asked about, for its size alone matters then. */
export function specOf(group: string, draft: Draft): JobSpec | null {
  if (draft.type === null || draft.image === null) return null;
  const right = (rows: Row[], errors: string[]) => (errors.some(Boolean) ? {} : toEnvironment(rows));
  return {
    group, instance_type: draft.type, image: draft.image, name: draft.name.trim(),
    command: draft.notebook === null ? draft.command || 'true' : '', notebook: withParameters(draft),
    environment: right(draft.env, rowErrors(draft.env)), secrets: right(draft.secrets, secretErrors(draft.secrets)),
    timeout: draft.timeout, retries: draft.retries ?? 0,
  };
}

function withParameters({ notebook, parameters }: Draft): Draft['notebook'] {
  if (notebook === null || parameterErrors(parameters).some(Boolean)) return notebook;
  return { ...notebook, parameters: Object.fromEntries(parameters.filter((row) => row.name !== '').map((row) => [row.name, parameterOf(row.value)])) as typeof notebook.parameters };
}
