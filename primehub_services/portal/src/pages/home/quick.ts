import type { ImageOption, InstanceTypeOption, LaunchOptions } from '../../api/types';
import { pairFits, sorted } from '../../launch/fit';
import { t } from '../../text';

export type Framework = 'PyTorch' | 'TensorFlow';
const NAMED: Record<Framework, RegExp> = { PyTorch: /\b(py)?torch/i, TensorFlow: /tensor ?flow|\btf[-_ ]?\d/i };

export type Quick =
  | { is: 'ready'; image: ImageOption; type: InstanceTypeOption }
  | { is: 'building'; image: ImageOption }
  | { is: 'unusable'; image: ImageOption; why: string }
  | { is: 'none' };

/** The group's image for a framework, and the size that would be taken: the last one that was used, else the first. */
export function quickOf(options: LaunchOptions, framework: Framework): Quick {
  const images = sorted(options.images.filter((x) => NAMED[framework].test(`${x.name} ${x.display_name} ${x.description}`)));
  // one that is named so before one that only tells of it, and the newest name last
  const named = images.filter((x) => NAMED[framework].test(`${x.name} ${x.display_name}`)).reverse();
  const ordered = [...named, ...images.filter((x) => !named.includes(x))];
  const types = sorted(options.instance_types.filter((x) => !x.disabled));
  const preferred = types.find((x) => x.slug === options.defaults.instance_type);
  for (const image of ordered.filter((x) => !x.disabled)) {
    const type = [preferred, ...types].find((x) => x !== undefined && pairFits(x, image));
    if (type) return { is: 'ready', image, type };
  }
  const building = ordered.find((x) => x.phase === 'BUILDING' || x.phase === 'PENDING');
  if (building) return { is: 'building', image: building };
  const [first] = ordered;
  return first ? { is: 'unusable', image: first, why: first.disabled || t.home.fitsNone } : { is: 'none' };
}
