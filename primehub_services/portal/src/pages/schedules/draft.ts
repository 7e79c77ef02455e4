import type { LaunchOptions, Schedule } from '../../api/types';
import { same } from '../../parts/form/draft';
import type { Errors, Words } from '../../parts/form/form';
import { t } from '../../text';
import * as job from '../jobs/spec';
import { PRESETS, ownTimezone } from './words';

/** What the form of a recurring job holds: when, and what. */
export type Draft = job.Draft & Pick<Schedule, 'cron' | 'timezone' | 'overlap' | 'catch_up'>;

const jobWords = job.wordsOf('job.');

export const words: Words<Draft> = {
  ...jobWords,
  cron: { label: t.schedules.cron },
  timezone: { label: t.schedules.timezone },
  overlap: { label: t.schedules.overlap, show: (value) => t.schedules.overlaps[value] },
  catch_up: { label: t.schedules.catchUp, show: (on) => (on ? t.schedules.yes : t.schedules.no) },
};

export const draftOf = (options: LaunchOptions, old: Schedule | null): Draft => ({
  ...job.draftOf(options, old && { ...old.job, timeout: old.job.timeout ?? null }),
  name: old?.name ?? '', cron: old?.cron ?? PRESETS.daily, timezone: old?.timezone ?? ownTimezone(), overlap: old?.overlap ?? 'skip', catch_up: old?.catch_up ?? false,
});

/** What is wrong with it; of what it runs only where there is something to choose from. */
export const check = (draft: Draft, options: LaunchOptions | null): Errors<Draft> => ({
  ...(options && job.check(draft, options)), name: draft.name.trim() === '' ? t.schedules.nameNeeded : undefined,
});

export const timesOf = ({ name, cron, timezone, overlap, catch_up }: Draft) => ({ name: name.trim(), cron, timezone, overlap, catch_up });

/** Whether it is to run something else; its name is its own. */
export const runsOther = (saved: Draft, draft: Draft): boolean =>
  (Object.keys(jobWords) as (keyof job.Draft)[]).some((key) => key !== 'name' && !same(saved[key], draft[key]));
