import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { MemoryRouter, useLocation } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import type { Resources, UsagePoint } from '../src/api/types';
import { exact } from '../src/lib/format';
import { nearest, roundUp, unbroken } from '../src/pages/jobs/Chart';
import { Charts } from '../src/pages/jobs/Monitoring';

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const MINUTE = 60_000;
const at = (minutes: number, cpu = 500, gpus: UsagePoint['gpus'] = []): UsagePoint => ({ at: new Date(Date.UTC(2026, 2, 12, 14) + minutes * MINUTE).toISOString(), cpu, memory: 1024 ** 3, gpus });
const Address = () => <output>{useLocation().search}</output>;
const shown = (points: UsagePoint[], limits: Resources = { cpu: 1, memory: '2Gi', gpu: 0 }, to = '/') => render(<MemoryRouter initialEntries={[to]}><Charts points={points} limits={limits} /><Address /></MemoryRouter>);
const path = (name: RegExp) => screen.getByRole('img', { name }).querySelector('.line')!.getAttribute('d')!;
const xs = (name: RegExp) => [...path(name).matchAll(/[ML]([\d.]+) /g)].map((found) => Number(found[1]));
const reader = (name: RegExp) => screen.getByRole('slider', { name });
const reads = () => [...document.querySelectorAll('.read b')].map((one) => one.textContent);

test('old measurements are few and new ones many; each stands where its time is', () => {
  shown([at(0), at(5), at(10), at(19), at(19.5), at(20)]);
  expect(xs(/CPU/)).toEqual([0, 200, 400, 760, 780, 800]);
});

test('over the time in which nothing was measured there is no line', () => {
  const times = [0, 5, 10, 40, 45].map((minutes) => minutes * MINUTE);
  expect(unbroken(times)).toEqual([[0, 1, 2], [3, 4]]);
  shown([0, 5, 10, 40, 45].map((minutes) => at(minutes)));
  expect(path(/CPU/).match(/M/g)).toHaveLength(2);
});

test('what a measurement lacks is no zero', () => {
  const gpu = { index: 0, percent: 50, memory: 1024 ** 3 };
  shown([at(0, 500, [gpu]), at(5), at(10, 500, [gpu])], { cpu: 1, memory: '2Gi', gpu: 1 });
  expect(xs(/^GPU 0: /)).toEqual([0, 800]);
  fireEvent.keyDown(reader(/^GPU 0 at/), { key: 'Home' });
  fireEvent.keyDown(reader(/^GPU 0 at/), { key: 'ArrowRight' });
  expect(reader(/^GPU 0 at/).getAttribute('aria-valuetext')).toContain('not measured');
});

test('a time span shows what was measured in it, at its place in it, and is in the address', () => {
  shown([at(0), at(60), at(230), at(239), at(240)]);
  expect(xs(/CPU/)).toHaveLength(5);
  fireEvent.click(screen.getByRole('button', { name: '15 min' }));
  expect(xs(/CPU/)).toEqual([266.7, 746.7, 800]);
  expect(screen.getByRole('status').textContent).toBe('?span=15m');
  fireEvent.click(screen.getByRole('button', { name: '3 h' }));
  expect(xs(/CPU/)).toEqual([0, 755.6, 795.6, 800]);
  fireEvent.click(screen.getByRole('button', { name: 'Lifetime' }));
  expect(xs(/CPU/)).toHaveLength(5);
  expect(screen.getByRole('status').textContent).toBe('');
});

test('the values’ axis goes to the limit, and to a round number over it', () => {
  const ends = () => [...document.querySelector('.values')!.children].map((one) => one.textContent);
  shown([at(0), at(5)], { cpu: 4, memory: '2Gi', gpu: 0 });
  expect(ends()).toEqual(['4 cores', '2 cores', '0']);
  expect(document.querySelector('.limit')).toBeNull();
  cleanup();
  shown([at(0, 4300), at(5)], { cpu: 4, memory: '2Gi', gpu: 0 });
  expect(ends()).toEqual(['5 cores', '2.5 cores', '0']);
  expect(document.querySelector('.limit')).not.toBeNull();
  expect([0, 0.03, 0.9, 1, 2.2, 7, 64].map(roundUp)).toEqual([1, 0.05, 1, 1, 2.5, 10, 100]);
});

test('arrow keys read one measurement after the other, in all charts at once, with its value and exact time', () => {
  shown([at(0, 250), at(5, 500), at(10, 750)]);
  expect(reads()).toEqual([]);
  expect(reader(/CPU/).getAttribute('aria-valuetext')).toBe(`0.75 cores, ${exact(at(10).at)}`);
  fireEvent.focus(reader(/CPU/));
  fireEvent.keyDown(reader(/CPU/), { key: 'ArrowLeft' });
  expect(reads()).toEqual(['0.5 cores', '1 GiB']);
  fireEvent.keyDown(reader(/CPU/), { key: 'Home' });
  fireEvent.keyDown(reader(/CPU/), { key: 'ArrowLeft' });
  expect(reads()[0]).toBe('0.25 cores');
  expect(reader(/CPU/).getAttribute('aria-valuetext')).toBe(`0.25 cores, ${exact(at(0).at)}`);
  expect([reader(/CPU/).getAttribute('aria-valuenow'), reader(/CPU/).getAttribute('aria-valuemax')]).toEqual(['0', '2']);
  fireEvent.blur(reader(/CPU/));
  expect(reads()).toEqual([]);
});

test('the pointer reads the measurement nearest to it, and none once it has left', () => {
  expect(nearest([0, 10, 100], 54)).toBe(1);
  vi.spyOn(HTMLElement.prototype, 'getBoundingClientRect').mockReturnValue({ left: 100, width: 400 } as DOMRect);
  shown([at(0, 250), at(5, 500), at(10, 750)]);
  fireEvent.pointerMove(reader(/CPU/), { clientX: 320 });
  expect(reads()[0]).toBe('0.5 cores');
  fireEvent.pointerMove(reader(/CPU/), { clientX: 480 });
  expect(reads()[0]).toBe('0.75 cores');
  fireEvent.pointerLeave(reader(/CPU/));
  expect(reads()).toEqual([]);
});
