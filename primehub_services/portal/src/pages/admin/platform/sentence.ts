/** What an entry of the audit log says, as a sentence without its subject. */
import type { AuditEvent } from '../../../api/admin';
import { a } from '../../../text/admin';

const words = a.audit;
type Change = { from: unknown; to: unknown };
export type Told = { text: string; target: string; to: string | null; group: string | null; changes: string[] };

/** Pages of things, by the noun of the action. */
const PAGES: Record<string, string> = { account: 'users', membership: 'users', group: 'groups', instance_type: 'instance-types', image: 'images', volume: 'volumes', secret: 'secrets' };

const isChange = (value: unknown): value is Change => typeof value === 'object' && value !== null && 'from' in value && 'to' in value;

export function value(of: unknown): string {
  if (of === null || of === undefined || of === '') return words.empty;
  if (Array.isArray(of)) return of.map(value).join(', ') || words.empty;
  if (typeof of === 'object') return Object.entries(of).map(([key, inner]) => `${key} ${value(inner)}`).join(', ') || words.empty;
  return typeof of === 'string' ? of : JSON.stringify(of);
}

/** Only what differs of two values that have parts: `gpu 2 to 4`, not the whole quota. */
function lines(field: string, { from, to }: Change): string[] {
  const name = field.replaceAll('_', ' ');
  if (typeof from === 'object' && typeof to === 'object' && from !== null && to !== null && !Array.isArray(from) && !Array.isArray(to)) {
    const [old, now] = [from as Record<string, unknown>, to as Record<string, unknown>];
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((key) => JSON.stringify(old[key]) !== JSON.stringify(now[key]))
      .map((key) => words.fromTo(`${name} ${key}`, value(old[key]), value(now[key])));
  }
  return [words.fromTo(name, value(from), value(to))];
}

function changesOf(details: AuditEvent['details']): string[] {
  const given = (details.changes ?? details) as Record<string, unknown>;
  return Object.entries(given).flatMap(([field, change]) => (isChange(change) ? lines(field, change) : change === 'changed' ? [`${field.replaceAll('_', ' ')} ${words.changedOnly}`] : []));
}

/** The verb, what it was done to, and where: `put ann into`, `vision-lab`. */
export function told({ action, target, group, details }: AuditEvent): Told {
  const [noun = '', verb = ''] = action.split('.');
  const page = PAGES[noun];
  const link = page && verb !== 'delete' ? `/admin/${page}/${target}` : null;
  if (noun === 'membership') {
    const role = typeof details.role === 'string' ? details.role : '';
    const text = verb === 'create' ? words.joined(target) : verb === 'delete' ? words.left(target) : words.role(target, role);
    return { text, target: group ?? '', to: group ? `/admin/groups/${group}` : null, group: null, changes: verb === 'create' && role === 'admin' ? [words.asRole(role)] : [] };
  }
  const named = words.things[noun] ?? noun.replaceAll('_', ' ');
  const anonymous = ['invitation', 'announcement', 'settings', 'token', 'notifications', 'notebook'].includes(noun);
  const who = noun === 'notebook' && typeof details.user === 'string' ? ` ${words.whose(details.user)}` : '';
  const shown = anonymous ? '' : (noun === 'job' || noun === 'schedule') && typeof details.name === 'string' ? details.name : target;
  const message = noun === 'announcement' && typeof details.message === 'string' ? [details.message] : [];
  const address = verb === 'send' && typeof details.to === 'string' ? [words.to(details.to)] : [];
  const done = details.sent === false ? `${verb}-failed` : verb;
  return { text: `${words.verbs[done] ?? verb.replaceAll('-', ' ')} ${named}${who}`.trim(), target: shown, to: anonymous ? null : link, group: noun === 'group' ? null : group, changes: [...changesOf(details), ...message, ...address] };
}

/** Who did it; the platform's own services by their names. */
export const actorOf = (actor: string) => (actor.startsWith('service:') ? words.service(actor.slice('service:'.length)) : actor);
