import type { Firing, Schedule } from '../../api/types';
import { t } from '../../text';
import { units } from '../../text/units';

/** `Tue 24 Nov 2026, 04:00 CET`: a due time in the recurring job's own time zone. */
export function due(moment: string, timezone: string): string {
  const parts = new Intl.DateTimeFormat(units.dates, {
    weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZone: timezone, timeZoneName: 'short',
  });
  return parts.format(new Date(moment));
}

export function nextRun(schedule: Schedule): string {
  if (schedule.paused) return t.schedules.paused;
  return schedule.next_at ? due(schedule.next_at, schedule.timezone) : '–';
}

export const PRESETS = { daily: '0 4 * * *', weekly: '0 4 * * 0', monthly: '0 4 1 * *' } as const;
export type Preset = keyof typeof PRESETS | 'custom';
export const presetOf = (cron: string): Preset => (Object.keys(PRESETS) as (keyof typeof PRESETS)[]).find((p) => PRESETS[p] === cron) ?? 'custom';

export const timezones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
export const ownTimezone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** What became of a due time: a missed stretch for which one job ran is caught up with. */
export const outcomeOf = (firing: Firing): string =>
  (firing.outcome === 'COALESCED' && firing.job ? t.schedules.caughtUp : t.schedules.outcome[firing.outcome] ?? firing.outcome);

/** The stretch, where it is one, and the reason. */
export const detailOf = (firing: Firing, timezone: string): string =>
  [firing.until && t.schedules.missed(firing.count, due(firing.until, timezone)), firing.message].filter(Boolean).join('. ');
