import { describe, expect, it } from 'vitest';
import { FIRST, repeated, toCron, zones, type Timing } from '../src/lib/cron';

const timing = (changes: Partial<Timing>): Timing => ({ ...FIRST, ...changes });

describe('the expression of what was picked', () => {
  it.each([
    [{ repeat: 'hourly', time: '00:15' }, '15 * * * *'],
    [{ repeat: 'daily', time: '04:00' }, '0 4 * * *'],
    [{ repeat: 'daily', time: '23:59' }, '59 23 * * *'],
    [{ repeat: 'weekdays', time: '7:05' }, '5 7 * * 1-5'],
    [{ repeat: 'weekly', time: '04:00', weekday: 0 }, '0 4 * * 0'],
    [{ repeat: 'monthly', time: '04:00', day: 28 }, '0 4 28 * *'],
    [{ repeat: 'custom', cron: '  */5   * * * * ' }, '*/5 * * * *'],
  ] as const)('%j', (changes, cron) => {
    expect(toCron(timing(changes))).toBe(cron);
  });

  it.each(['', '24:00', '4', '04:60', 'noon'])('is none for the time %j', (time) => {
    expect(toCron(timing({ repeat: 'daily', time }))).toBeNull();
  });

  it('is none where nothing was typed', () => {
    expect(toCron(timing({ repeat: 'custom', cron: '  ' }))).toBeNull();
  });
});

it('begins with what was picked when it becomes an expression of one’s own', () => {
  expect(repeated(timing({ repeat: 'weekly', weekday: 5 }), 'custom')).toMatchObject({ repeat: 'custom', cron: '0 4 * * 5' });
  expect(repeated(timing({ repeat: 'custom', cron: '1 2 3 4 5' }), 'daily').repeat).toBe('daily');
});

it('knows time zones, UTC first and once', () => {
  const known = zones();
  expect(known[0]).toBe('UTC');
  expect(known).toContain('Europe/Berlin');
  expect(new Set(known).size).toBe(known.length);
});
