/** Pages of any group that lie one below another: these words name nothing of the group itself. */
const COMMON = ['new', 'past'];
/** What a list shows, which another group's list can show too. */
const LIST = ['view', 'search', 'sort', 'days', 'columns'];

/** The same page of another group, below its `/g/<group>/`. What only this group has (a job, an image) becomes the list of such. */
export function samePage(pathname: string, search: string): string {
  const [, page, below] = /^\/g\/[^/]+\/([^/]+)(?:\/([^/]+))?/.exec(pathname) ?? [];
  if (page === undefined) return 'home';
  if (below !== undefined && !COMMON.includes(below)) return page;
  const kept = new URLSearchParams([...new URLSearchParams(search)].filter(([name]) => LIST.includes(name)));
  return `${below === undefined ? page : `${page}/${below}`}${kept.size > 0 ? `?${kept}` : ''}`;
}
