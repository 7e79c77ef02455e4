/** What every list says. */
import { units } from './units';

export const lists = {
  list: {
    views: 'View',
    searchBy: (what: string) => `Search by ${what[0]!.toLowerCase()}${what.slice(1)}`,
    range: 'Submitted',
    ranges: { 1: 'Last 24 hours', 7: 'Last 7 days', 30: 'Last 30 days', 0: 'All time' } as Record<number, string>,
    columns: 'Columns',
    gone: 'No longer listed',
    fresh: (n: number) => `${n} new`,
    total: (from: number, to: number, total: string) => `${from.toLocaleString(units.language)} to ${to.toLocaleString(units.language)} of ${total}`,
    previous: 'Previous page',
    next: 'Next page',
    pageNo: (n: number) => `Page ${n}`,
    clear: 'Clear search',
    findAmong: (what: string) => `Find among the ${what}`,
    nothingAmong: (wanted: string) => `Nothing matches “${wanted}”.`,
    more: (n: number, left: string) => `Show ${n} more of ${left}`,
  },
};
