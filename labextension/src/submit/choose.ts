/** What of a group's instance types and images is chosen at first, and why some cannot be. */
import { resources } from '../lib/format';
import type { Context, ImageOption, InstanceTypeOption, LaunchOptions } from '../types';
import type { Texts } from '../text';

export interface Option {
  slug: string;
  label: string;
  note: string;
  /** Why it cannot be chosen; empty where it can. */
  disabled: string;
  /** Whether this notebook's server has it. */
  own: boolean;
}

const named = (option: { slug: string; name: string }, reference: string | null | undefined) =>
  reference !== null && reference !== undefined && (option.slug === reference || option.name === reference);

const label = (option: { display_name: string; name: string }) => option.display_name || option.name;

const sorted = (options: Option[]) =>
  options.sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true, sensitivity: 'base' }));

export function typeOptions(options: LaunchOptions, context: Context | null): Option[] {
  return sorted(options.instance_types.map((type: InstanceTypeOption) => ({
    slug: type.slug, label: label(type), note: resources(type.limits), disabled: type.disabled, own: named(type, context?.instance_type),
  })));
}

/** Whether an image can be used also rests on the instance type: one for GPUs needs one. */
export function imageOptions(options: LaunchOptions, context: Context | null, type: string | null, t: Texts): Option[] {
  const chosen = options.instance_types.find((option) => option.slug === type);
  return sorted(options.images.map((image: ImageOption) => ({
    slug: image.slug,
    label: label(image),
    note: image.description,
    disabled: image.disabled
      || (image.phase === 'BUILDING' ? t.dialog.building(image.progress) : '')
      || (image.kind === 'gpu' && chosen?.limits.gpu === 0 ? t.dialog.needsGpu : ''),
    own: named(image, context?.image),
  })));
}

/** The running server's where it can be had, else the person's last one, else the first that can. */
export function first(options: readonly Option[], last: string | null): string | null {
  const usable = options.filter((option) => option.disabled === '');
  return (usable.find((option) => option.own) ?? usable.find((option) => option.slug === last) ?? usable[0])?.slug ?? null;
}
