import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { ask } from '../api/queries';
import type { GroupUsage, QueueEntry } from '../api/types';
import { count, gib } from '../lib/format';
import { RESOURCES, bare, isEmpty, matters, nameOfResource, number, show, type Resource } from '../lib/resources';
import { useGroup } from '../lib/session';
import { recall, remember } from '../lib/storage';
import { t } from '../text';
import { Ago, Empty, Failure, Panel, Waiting, Who } from './page';
import { Legend, QuotaBar, type Mark } from './quota';

/** A bar for each resource of the group: the person's part, the others', and the person's own limit. */
export function GroupMeters({ usage, waiting = false, extra }: { usage: UseQueryResult<GroupUsage>; waiting?: boolean; extra?: ReactNode }) {
  const group = useGroup();
  const queue = useQuery({ ...ask.queue(group.group), enabled: waiting });
  const meters = usage.data && RESOURCES.filter((r) => matters(r, usage.data.total, usage.data.user));
  const drawn = useDrawn(group.group, meters?.length);
  const kept = waiting ? queue.data?.items.filter((entry) => entry.place.kept) ?? [] : [];
  return (
    <Panel title={t.usage.title} className="meters" extra={extra}>
      {meters ? <>{meters.map((r) => <Meter key={r} resource={r} usage={usage.data} kept={kept} />)}{Array.from({ length: drawn - meters.length }, (_, i) => <div key={i} className="meter" aria-hidden />)}</>
        : usage.error ? <Failure error={usage.error} what={t.usage.failed} unaffected={t.usage.unaffected} onRetry={() => void usage.refetch()} />
          : <Waiting><div className="meterBones" aria-hidden>{Array.from({ length: drawn }, (_, i) => <i key={i} />)}</div></Waiting>}
    </Panel>
  );
}

/** For how many meters the space is kept until they are there: as many as the group had here before. What was kept stays, so that nothing moves. */
function useDrawn(group: string, shown: number | undefined): number {
  const key = `meters.${group}`;
  const [drawn] = useState(() => recall<number>(key, RESOURCES.length));
  useEffect(() => {
    if (shown !== undefined) remember(key, shown);
  }, [key, shown]);
  return Math.max(drawn, shown ?? 0);
}

function Meter({ resource, usage, kept }: { resource: Resource; usage: GroupUsage; kept: readonly QueueEntry[] }) {
  const limit = number(usage.total.quota, resource);
  const used = number(usage.total.used, resource) ?? 0;
  const mine = usage.user ? number(usage.user.used, resource) ?? 0 : 0;
  const own = usage.user ? number(usage.user.quota, resource) : null;
  const others = Math.max(0, used - mine);
  const words: [Mark, string][] = [];
  if (usage.user) words.push(['mine', t.usage.you(bare(resource, mine))]);
  if (own !== null) words.push(['tick', t.usage.yourLimit(bare(resource, own))]);
  words.push(['others', t.usage.others(bare(resource, others))]);
  // what is free of what kept places want is theirs
  const wanted = kept.reduce((sum, entry) => sum + (number(entry.limits, resource) ?? 0), 0);
  const reserved = limit === null ? 0 : Math.max(0, Math.min(wanted, limit - used));
  if (reserved > 0) words.push(['reserved', t.usage.kept(bare(resource, reserved))]);
  const free = limit === null ? null : limit - used - reserved;
  return (
    <div className="meter">
      <div className="meterTop">
        <h3>{nameOfResource(resource)}</h3>
        {limit === null ? <span>{t.usage.used(show(resource, used))}</span>
          : free! < 0 ? <span className="full">{t.usage.over(bare(resource, used, limit), show(resource, limit))}</span>
            : free === 0 ? <span className="full">{reserved > 0 ? t.usage.fullKept(show(resource, limit)) : t.usage.full(show(resource, limit))}</span>
              : <span><b>{bare(resource, free!, limit)}</b> {t.usage.free('', show(resource, limit)).rest}</span>}
      </div>
      <QuotaBar
        limit={limit}
        mark={own}
        label={t.usage.label(nameOfResource(resource), show(resource, mine), show(resource, others), limit === null ? null : show(resource, limit))}
        parts={[{ kind: 'mine', amount: mine }, { kind: 'others', amount: others }, { kind: 'reserved', amount: reserved }]}
      />
      <Legend show={words} />
    </div>
  );
}

/** Who holds what of the group's quota. */
export function Holders({ usage }: { usage: GroupUsage }) {
  const group = useGroup();
  const { columns } = t.usage;
  if (usage.holders.length === 0) return <Empty title={t.usage.nobody}>{t.usage.nobodyWhy}</Empty>;
  const zero = (value: number) => (value === 0 ? <span className="muted">0</span> : count(value));
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={t.usage.who}>
      <table className="sheet">
        <thead><tr>
          <th scope="col">{columns.name}</th><th scope="col">{columns.user}</th><th scope="col">{columns.type}</th><th scope="col">{columns.since}</th>
          <th scope="col" className="r">{columns.cpu}</th><th scope="col" className="r">{columns.memory}</th><th scope="col" className="r">{columns.gpu}</th>
        </tr></thead>
        <tbody>
          {usage.holders.map((h) => (
            <tr key={h.id}>
              <td>{h.kind === 'job' ? <Link className="strong" to={`/g/${group.group}/jobs/${h.id}`}>{h.name}</Link> : <span className="strong">{h.kind === 'notebook' ? t.usage.kinds.notebook : h.name}</span>}</td>
              <td><Who name={h.user} /></td>
              <td className="soft">{h.instance_type}</td>
              <td className="soft"><Ago at={h.since} /></td>
              <td className="r">{zero(h.limits.cpu)}</td><td className="r">{zero(gib(h.limits.memory))}</td><td className="r">{zero(h.limits.gpu)}</td>
            </tr>
          ))}
        </tbody>
        {!isEmpty(usage.total.used) && (
          <tfoot><tr className="total">
            <td colSpan={4}>{t.usage.all}</td>
            <td className="r">{count(usage.total.used.cpu)}</td><td className="r">{count(gib(usage.total.used.memory))}</td><td className="r">{count(usage.total.used.gpu)}</td>
          </tr></tfoot>
        )}
      </table>
    </div>
  );
}
