import type { Change } from '../../parts/form/Unsaved';
import { same } from '../../parts/form/draft';
import { t } from '../../text';
import type { Row } from '../../launch/env';
import type { Draft } from '../jobs/spec';
import type { Clock } from './words';

/** For each field its label, and how its value reads where it is no text; a field that another one tells of has none. */
type Words<T> = { [K in keyof T]?: [label: string, show?: (value: T[K]) => string] };

const names = (rows: Row[]) => rows.map((row) => row.name).join(', ');

export const clockWords: Words<Clock> = {
  name: [t.jobs.name],
  cron: [t.schedules.cron],
  timezone: [t.schedules.timezone],
  overlap: [t.schedules.overlap, (value) => t.schedules.overlaps[value]],
  catchUp: [t.schedules.catchUp, (value) => (value ? t.schedules.yes : t.schedules.no)],
};

export const draftWords: Words<Draft> = {
  command: [t.jobs.command],
  parameters: [t.jobs.parameters, names],
  type: [t.notebook.type],
  image: [t.notebook.image],
  env: [t.notebook.env, names],
  secrets: [t.jobs.secrets, names],
  timeout: [t.jobs.timeout],
  unit: [t.form.unitOf(t.jobs.timeout), (value) => t.jobs.units[value]],
  retries: [t.jobs.retries],
};

/** What was changed, as it read before and as it reads now. */
export function changesOf<T extends object>(words: Words<T>, before: T, now: T): Change[] {
  return (Object.keys(words) as (keyof T)[]).filter((key) => !same(before[key], now[key])).map((key) => {
    const [label, show = String] = words[key]!;
    return { label, from: show(before[key]) || t.form.empty, to: show(now[key]) || t.form.empty };
  });
}
