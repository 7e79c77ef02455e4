import { useQuery } from '@tanstack/react-query';
import { Segmented } from 'antd';
import { ChevronRight } from 'lucide-react';
import { Link, useSearchParams } from 'react-router';
import { admin, type GroupOverview } from '../../../api/admin';
import { ask } from '../../../api/queries';
import { count, gib } from '../../../lib/format';
import { RESOURCES, bare, nameOfResource, number, show, type Resource } from '../../../lib/resources';
import { Ago, Bones, Empty, Failure, Page, Waiting, Who } from '../../../parts/page';
import { QuotaBar } from '../../../parts/quota';
import { t } from '../../../text';
import { a } from '../../../text/admin';

const words = a.usage;
const holds = (group: GroupOverview) => group.notebooks + group.jobs > 0 || group.waiting > 0;
const used = (group: GroupOverview, resource: Resource) => number(group.total.used, resource) ?? 0;

/** One bar for each group, the biggest first, opening to who holds what. */
export default function UsageNow() {
  const [query, setQuery] = useSearchParams();
  const overview = useQuery(admin.overview());
  const by = RESOURCES.find((r) => r === query.get('by')) ?? 'cpu';
  const open = query.get('open');
  const put = (name: string, value: string | null) => setQuery((before) => {
    const next = new URLSearchParams(before);
    if (value === null) next.delete(name);
    else next.set(name, value);
    return next;
  }, { replace: true });
  const groups = overview.data?.groups ?? [];
  const busy = groups.filter(holds).sort((x, y) => used(y, by) - used(x, by));
  const sum = (of: (group: GroupOverview) => number) => groups.reduce((all, group) => all + of(group), 0);
  return (
    <Page title={words.title} lead={overview.data ? words.lead(sum((g) => g.notebooks + g.jobs), sum((g) => g.waiting)) : '\u00a0'}
      actions={<Segmented aria-label={words.by} value={by} onChange={(value) => put('by', value)} options={RESOURCES.map((r) => ({ value: r, label: nameOfResource(r) }))} />}>
      {overview.error && !overview.data ? <Failure error={overview.error} what={words.failed} unaffected={a.list.unaffected} onRetry={() => void overview.refetch()} />
        : !overview.data ? <Waiting><Bones rows={8} widths={[90, 70, 50]} /></Waiting>
          : busy.length === 0 ? <Empty title={words.none}>{words.noneWhy}</Empty>
            : <ul className="holdings">{busy.map((group) => <Row key={group.group} group={group} by={by} open={open === group.group} onToggle={() => put('open', open === group.group ? null : group.group)} />)}</ul>}
      {overview.data && busy.length > 0 && groups.length > busy.length && <p className="small muted">{words.idle(groups.length - busy.length)}.</p>}
    </Page>
  );
}

function Row({ group, by, open, onToggle }: { group: GroupOverview; by: Resource; open: boolean; onToggle: () => void }) {
  const name = group.display_name || group.group;
  const limit = number(group.total.quota, by);
  const amount = used(group, by);
  return (
    <li>
      <button type="button" className="holding" aria-expanded={open} onClick={onToggle}>
        <ChevronRight size={14} aria-hidden className={open ? 'turned' : undefined} />
        <b>{name}</b>
        <span className="holdingBar">
          <QuotaBar limit={limit} parts={[{ kind: 'mine', amount }]} label={`${nameOfResource(by)}: ${a.groups.use(show(by, amount), limit === null ? a.groups.noLimit : show(by, limit))}`} />
        </span>
        <span className="r">{bare(by, amount, limit)} <small>/ {limit === null ? a.groups.noLimit : show(by, limit)}</small></span>
        <span className="muted">{words.running(group.notebooks + group.jobs)}{group.waiting > 0 && `, ${words.waiting(group.waiting)}`}</span>
      </button>
      {open && <Holders group={group.group} name={name} />}
    </li>
  );
}

function Holders({ group, name }: { group: string; name: string }) {
  const usage = useQuery(ask.usage(group));
  const { columns } = words;
  if (usage.error && !usage.data) return <Failure error={usage.error} what={words.failed} onRetry={() => void usage.refetch()} />;
  if (!usage.data) return <Waiting><Bones rows={2} widths={[80]} /></Waiting>;
  return (
    <div className="scroll" role="region" tabIndex={0} aria-label={words.holders(name)}>
      <table className="sheet">
        <thead><tr>
          <th scope="col">{columns.name}</th><th scope="col">{columns.user}</th><th scope="col">{columns.type}</th><th scope="col">{columns.since}</th>
          <th scope="col" className="r">{columns.cpu}</th><th scope="col" className="r">{columns.memory}</th><th scope="col" className="r">{columns.gpu}</th>
        </tr></thead>
        <tbody>
          {usage.data.holders.map((h) => (
            <tr key={h.id}>
              <td>{h.kind === 'job' ? <Link className="strong" to={`/admin/jobs/${h.id}`}>{h.name}</Link> : <span className="strong">{t.usage.kinds[h.kind]}</span>}</td>
              <td><Link to={`/admin/users/${h.user}`}><Who name={h.user} /></Link></td><td className="soft">{h.instance_type}</td><td className="soft"><Ago at={h.since} /></td>
              <td className="r">{count(h.limits.cpu)}</td><td className="r">{count(gib(h.limits.memory))}</td><td className="r">{h.limits.gpu === 0 ? <span className="muted">0</span> : h.limits.gpu}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
