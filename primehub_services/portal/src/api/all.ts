/** The most that a page of a list may have. */
export const MOST = 200;

/** Every item of a list, for what needs the whole: the members of a group, the names to choose from. */
export async function all<T>(load: (page: number) => Promise<{ items: readonly T[]; total: number }>): Promise<T[]> {
  const found: T[] = [];
  for (let page = 1; ; page += 1) {
    const { items, total } = await load(page);
    found.push(...items);
    if (found.length >= total || items.length === 0) return found;
  }
}
