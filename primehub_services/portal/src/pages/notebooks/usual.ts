import type { Notebook } from '../../api/types';

/** How long a start with this image usually takes, in seconds: the median of the person's own; null without any. */
export function usualStart(past: readonly Notebook[], image: string): number | null {
  const took = past
    .filter((n) => n.image === image && n.ready_at !== null)
    .map((n) => (Date.parse(n.ready_at!) - Date.parse(n.created_at)) / 1000)
    .sort((a, b) => a - b);
  return took.length > 0 ? took[Math.floor(took.length / 2)]! : null;
}
