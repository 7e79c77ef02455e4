/** Usual times of a recurring job, as a person picks them, and their cron expressions. */

export type Repeat = 'hourly' | 'daily' | 'weekdays' | 'weekly' | 'monthly' | 'custom';
export const REPEATS: readonly Repeat[] = ['hourly', 'daily', 'weekdays', 'weekly', 'monthly', 'custom'];

export interface Timing {
  repeat: Repeat;
  /** `04:00`; of hourly ones the minute alone counts. */
  time: string;
  /** Of weekly ones: 0 is Sunday. */
  weekday: number;
  /** Of monthly ones: 1 to 28, which every month has. */
  day: number;
  /** The expression of custom ones. */
  cron: string;
}

export const FIRST: Timing = { repeat: 'daily', time: '04:00', weekday: 1, day: 1, cron: '0 4 * * *' };

function parts(time: string): [number, number] | null {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(time.trim());
  return match ? [Number(match[1]), Number(match[2])] : null;
}

/** The expression, or null where the time is not one. */
export function toCron(timing: Timing): string | null {
  if (timing.repeat === 'custom') return timing.cron.trim().replace(/\s+/g, ' ') || null;
  const time = parts(timing.time);
  if (time === null) return null;
  const [hour, minute] = time;
  switch (timing.repeat) {
    case 'hourly': return `${minute} * * * *`;
    case 'daily': return `${minute} ${hour} * * *`;
    case 'weekdays': return `${minute} ${hour} * * 1-5`;
    case 'weekly': return `${minute} ${hour} * * ${timing.weekday}`;
    case 'monthly': return `${minute} ${hour} ${timing.day} * *`;
  }
}

/** The timing with another way to repeat; one that becomes custom begins with the expression that it had. */
export function repeated(timing: Timing, repeat: Repeat): Timing {
  return repeat === 'custom' ? { ...timing, repeat, cron: toCron(timing) ?? timing.cron } : { ...timing, repeat };
}

/** The reader's own time zone. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Zones that the browser knows, UTC first. */
export const zones = () => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
