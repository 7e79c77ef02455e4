import type { GroupUsage, QueueEntry } from '../../api/types';

/** The clock that the picture is drawn against: an hour back, and ahead as far as is known, within reason. Milliseconds. */
export type Clock = { from: number; to: number; now: number };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export function clockFor(now: number, entries: readonly QueueEntry[], holders: GroupUsage['holders']): Clock {
  const ends = [...entries.map((e) => e.place.estimate), ...holders.map((h) => h.ends_at)].flatMap((at) => (at ? [Date.parse(at)] : []));
  const furthest = Math.max(now + HOUR, ...ends.filter((at) => at < now + 24 * HOUR));
  const ahead = [3, 6, 12, 24].find((hours) => furthest <= now + hours * HOUR) ?? 24;
  return { from: now - (ahead / 3) * HOUR, to: now + ahead * HOUR, now };
}

/** Where a moment stands, in percent; what lies outside stands at the edge. */
export const at = (clock: Clock, moment: number) => ((Math.min(clock.to, Math.max(clock.from, moment)) - clock.from) / (clock.to - clock.from)) * 100;

/** The full hours that are written above the picture: about six of them. */
export function marks(clock: Clock): number[] {
  const step = [0.5, 1, 2, 4, 6].find((hours) => (clock.to - clock.from) / (hours * HOUR) <= 8) ?? 6;
  const size = step * HOUR;
  const zone = new Date(clock.now).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((clock.from - zone) / size) * size + zone;
  const all: number[] = [];
  for (let moment = first; moment < clock.to; moment += size) all.push(moment);
  // one too near to "now" or to the edge would be written over it
  const room = (clock.to - clock.from) / 24;
  return all.filter((moment) => Math.abs(moment - clock.now) > room && clock.to - moment > room);
}
