import type { BudgetLine, Decision, ImageOption, InstanceTypeOption, LaunchOptions, Reason } from '../api/types';
import { amount } from '../lib/format';
import { RESOURCES, number, show, type Resource } from '../lib/resources';
import { t } from '../text';
import { units } from '../text/units';

/** What a choice would lack now, by the same numbers as the platform's answer; a hint, the answer itself decides. */
export function lacks(type: InstanceTypeOption, budgets: readonly BudgetLine[]): string {
  for (const line of budgets) {
    if (line.limit === null) continue;
    const resource = line.resource as Resource;
    const asked = number(line.budget === 'machine' ? type.requests : type.limits, resource) ?? 0;
    const over = amount(line.used, resource) + asked - amount(line.limit, resource);
    if (asked > 0 && over > 1e-6) return t.notebook.short(show(resource, over), t.notebook.whose[line.budget] ?? '');
  }
  return '';
}

const size = (type: InstanceTypeOption) => RESOURCES.map((r) => number(type.limits, r) ?? 0) as [number, number, number];

/** Types that would fit now: first those with as many GPUs, then the largest. */
export function alternatives(options: LaunchOptions, chosen: InstanceTypeOption, image: ImageOption | null, budgets: readonly BudgetLine[]): InstanceTypeOption[] {
  const [, , gpus] = size(chosen);
  return options.instance_types
    .filter((type) => type.slug !== chosen.slug && !type.disabled && !lacks(type, budgets) && pairFits(type, image))
    .sort((a, b) => {
      const [ac, am, ag] = size(a);
      const [bc, bm, bg] = size(b);
      return Number(bg === gpus) - Number(ag === gpus) || bg - ag || bc - ac || bm - am;
    })
    .slice(0, 2);
}

export const pairFits = (type: InstanceTypeOption | null, image: ImageOption | null) =>
  image === null || type === null || image.kind !== 'gpu' || type.limits.gpu > 0;

export const label = (option: { display_name: string; name: string }) => option.display_name || option.name;

/** By display name, as people count: cpu-4 before cpu-16. */
export function sorted<T extends { display_name: string; name: string }>(options: readonly T[]): T[] {
  return [...options].sort((a, b) => label(a).localeCompare(label(b), units.language, { numeric: true, sensitivity: 'base' }));
}

/** Who holds what is short: one line for each thing that somebody runs, whatever it holds of several resources. */
export function holdersOf(reasons: readonly Reason[]): Reason['holders'] {
  const holders = reasons.flatMap((reason) => reason.holders);
  const same = (one: Reason['holders'][number], other: Reason['holders'][number]) => one.user === other.user && one.name === other.name && one.since === other.since;
  return holders.filter((h, i) => holders.findIndex((o) => same(o, h)) === i)
    .map((h) => ({ ...h, amount: [...new Set(holders.filter((o) => same(o, h)).map((o) => o.amount))].join(', ') }));
}

export type Choice = { type: string | null; image: string | null; warnings: string[] };

/** What is chosen when the form opens: the link's, else the last, else the first that can be. */
export function firstChoice(options: LaunchOptions, query: URLSearchParams): Choice {
  const warnings: string[] = [];
  const types = sorted(options.instance_types).filter((x) => !x.disabled);
  const pick = <T extends { slug: string; name: string; display_name: string }>(usable: T[], wanted: string | null, last: string | null, what: string) => {
    const first = usable.find((x) => x.slug === last) ?? usable[0] ?? null;
    if (wanted === null) return first;
    const found = usable.find((x) => x.slug === wanted || x.name === wanted);
    if (!found && first) warnings.push(t.notebook.unavailable(what, wanted, label(first)));
    return found ?? first;
  };
  const type = pick(types, query.get('instancetype'), options.defaults.instance_type, t.notebook.type);
  const images = sorted(options.images).filter((x) => !x.disabled && pairFits(type, x));
  const image = pick(images, query.get('image'), options.defaults.image, t.notebook.image);
  return { type: type?.slug ?? null, image: image?.slug ?? null, warnings };
}

export type Verdict = 'asking' | 'yes' | 'no' | 'never' | 'invalid' | 'unknown';
export function verdictOf(decision: Decision | undefined, failed: 'invalid' | 'unknown' | null): Verdict {
  if (failed !== null) return failed;
  if (decision === undefined) return 'asking';
  if (decision.would_start) return 'yes';
  return decision.never ? 'never' : 'no';
}
