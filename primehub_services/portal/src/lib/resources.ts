import type { Resources, Usage } from '../api/types';
import { bytes, cores, gib, gpus, memory } from './format';
import { t } from '../text';

export const RESOURCES = ['cpu', 'memory', 'gpu'] as const;
export type Resource = (typeof RESOURCES)[number];
type Amounts = { cpu?: number | null; memory?: string | null; gpu?: number | null };

/** As a number that bars and sums are made of: cores, GiB, GPUs. Null is no limit. */
export function number(amounts: Amounts, resource: Resource): number | null {
  const value = amounts[resource];
  if (value === null || value === undefined) return null;
  return resource === 'memory' ? gib(value) : Number(value);
}

/** With its unit: `0.5 cores`, `512 MiB`, `2 GPUs`. */
export function show(resource: Resource, value: number): string {
  if (resource === 'cpu') return cores(Math.round(value * 1000) / 1000);
  if (resource === 'memory') return memory(`${Math.round(value * 1024)}Mi`);
  return gpus(value);
}

/** The number alone, for beside a limit that has the unit; nothing is nothing of any unit. */
export function bare(resource: Resource, value: number, beside: number | null = null): string {
  const text = show(resource, value);
  const same = beside === null || value === 0 || text.split(' ')[1]!.startsWith(show(resource, beside).split(' ')[1]!.slice(0, 3));
  return same ? text.split(' ')[0]! : text;
}

/** `4 cores, 16 GiB, 1 GPU`; no GPU is not worth a word. */
export function summary(limits: Resources): string {
  const parts = [cores(limits.cpu), memory(limits.memory)];
  if (limits.gpu > 0) parts.push(gpus(limits.gpu));
  return parts.join(', ');
}

/** Whether the resource plays any part: a group without GPUs needs no GPU bar. */
export function matters(resource: Resource, ...usages: (Usage | null)[]): boolean {
  return resource !== 'gpu' || usages.some((u) => u !== null && (u.quota.gpu !== 0 || u.used.gpu > 0));
}

export const nameOfResource = (resource: string) => t.resource[resource] ?? resource;
export const isEmpty = (amounts: Resources) => amounts.cpu === 0 && bytes(amounts.memory) === 0 && amounts.gpu === 0;
