import type { Usage } from '../../../api/types';
import { bare, nameOfResource, number, show, type Resource } from '../../../lib/resources';
import { QuotaBar } from '../../../parts/quota';
import { a } from '../../../text/admin';

/** What a group holds of one resource, in a table's cell. */
export function Use({ usage, resource }: { usage: Usage | undefined; resource: Resource }) {
  if (usage === undefined) return <span className="muted">–</span>;
  const limit = number(usage.quota, resource);
  const used = number(usage.used, resource) ?? 0;
  if (limit === 0 && used === 0) return <span className="muted">{a.list.none}</span>;
  const text = limit === null ? a.groups.noLimit : bare(resource, limit);
  return (
    <div className="use">
      <span>{bare(resource, used, limit)}<small> / {text}</small>{limit !== null && used >= limit && <em>{used > limit ? a.groups.over : a.groups.full}</em>}</span>
      <QuotaBar thin limit={limit} label={`${nameOfResource(resource)}: ${a.groups.use(show(resource, used), limit === null ? a.groups.noLimit : show(resource, limit))}`} parts={[{ kind: 'mine', amount: used }]} />
    </div>
  );
}
