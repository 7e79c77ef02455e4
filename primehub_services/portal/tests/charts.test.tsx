import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { UsagePoint } from '../src/api/types';
import { Charts, unbroken } from '../src/pages/jobs/Monitoring';

afterEach(cleanup);

const MINUTE = 60_000;
const at = (minutes: number): UsagePoint => ({ at: new Date(Date.UTC(2026, 2, 12, 14) + minutes * MINUTE).toISOString(), cpu: 500, memory: 1024 ** 3, gpus: [] });

test('old measurements are few and new ones many; each stands where its time is', () => {
  render(<Charts points={[at(0), at(5), at(10), at(19), at(19.5), at(20)]} limits={{ cpu: 1, memory: '2Gi', gpu: 0 }} />);
  const line = screen.getByRole('img', { name: /CPU/ }).querySelector('.line')!.getAttribute('d')!;
  expect([...line.matchAll(/[ML]([\d.]+) /g)].map((found) => Number(found[1]))).toEqual([0, 200, 400, 760, 780, 800]);
});

test('over the time in which nothing was measured there is no line', () => {
  const times = [0, 5, 10, 40, 45].map((minutes) => minutes * MINUTE);
  expect(unbroken(times)).toEqual([[0, 1, 2], [3, 4]]);
  render(<Charts points={[0, 5, 10, 40, 45].map(at)} limits={{ cpu: 1, memory: '2Gi', gpu: 0 }} />);
  expect(screen.getByRole('img', { name: /CPU/ }).querySelector('.line')!.getAttribute('d')!.match(/M/g)).toHaveLength(2);
});
