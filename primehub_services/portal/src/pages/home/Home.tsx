import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { ExternalLink, Play } from 'lucide-react';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import type { GroupUsage, Notebook } from '../../api/types';
import { groupNamed, nameOf, useGroup, useMe } from '../../lib/session';
import { RESOURCES, bare, isEmpty, matters, nameOfResource, number, show, summary, type Resource } from '../../lib/resources';
import { count, gib } from '../../lib/format';
import { Ago, Bones, Empty, Failure, Page, Panel, Waiting, Who } from '../../parts/page';
import { LinkButton } from '../../parts/LinkButton';
import { Legend, QuotaBar, type Mark } from '../../parts/quota';
import { Status } from '../../parts/Status';
import { launchLink, openLab } from '../notebooks/lab';
import { t } from '../../text';

export default function Home() {
  const group = useGroup();
  const me = useMe();
  const usage = useQuery(ask.usage(group.group));
  const active = useQuery(ask.activeNotebook(me.name));
  const past = useQuery(ask.pastNotebooks(me.name, group.group, 1, 6));
  const running = active.data?.group === group.group ? active.data : null;
  const recent = [...(running ? [running] : []), ...(past.data?.items ?? [])].slice(0, 6);
  return (
    <Page title={nameOf(group)} lead={usage.data ? t.home.people(usage.data.holders.length) : ' '}>
      <Launch active={active.data ?? null} last={past.data?.items[0] ?? null} loading={active.isPending || past.isPending} unknown={active.isError || past.isError} />
      <Panel title={t.usage.title} className="meters">
        {usage.data ? RESOURCES.filter((r) => matters(r, usage.data.total, usage.data.user)).map((r) => <Meter key={r} resource={r} usage={usage.data} />)
          : usage.error ? <Failure error={usage.error} what={t.usage.failed} unaffected={t.usage.unaffected} onRetry={() => void usage.refetch()} />
            : <Waiting><Bones rows={2} widths={[60, 100]} /></Waiting>}
      </Panel>
      <div className="two">
        {!usage.isLoadingError && (
          <Panel title={t.usage.who} className="flush">
            {usage.data ? <Holders usage={usage.data} /> : <Waiting><div style={{ padding: '0 16px' }}><Bones rows={4} /></div></Waiting>}
          </Panel>
        )}
        <Panel title={t.home.recent} extra={<Link to={`/g/${group.group}/notebooks/past`}>{t.home.past}</Link>}>
          {past.error ? <Failure error={past.error} what={t.home.failed} onRetry={() => void past.refetch()} />
            : !past.data ? <Waiting><Bones rows={4} /></Waiting>
              : recent.length === 0 ? <Empty title={t.home.noRecent}>{t.home.noRecentWhy}</Empty>
                : (
                  <ul className="feed">
                    {recent.map((n) => (
                      <li key={n.id}>
                        <Link to={n.id === running?.id ? `/g/${group.group}/notebooks` : `/g/${group.group}/notebooks/${n.id}`}>{t.home.lastOn(n.image, n.instance_type)}</Link>
                        <Ago at={n.created_at} />
                        <Status state={n.phase} note={n.reason} />
                      </li>
                    ))}
                  </ul>
                )}
        </Panel>
      </div>
    </Page>
  );
}

/** What leads: the notebook that runs, else the last one to start again, else the first one. */
function Launch({ active, last, loading, unknown }: { active: Notebook | null; last: Notebook | null; loading: boolean; unknown: boolean }) {
  const group = useGroup();
  const me = useMe();
  if (loading) return <div className="launch"><Waiting><Bones rows={2} widths={[40, 60]} /></Waiting></div>;
  if (active) {
    const elsewhere = active.group !== group.group;
    return (
      <section className="launch" aria-label={t.home.now}>
        <div>
          <h2>{t.home.now}</h2>
          <p><Status state={active.phase} note={`${t.home.lastOn(active.image, active.instance_type)}${elsewhere ? `, ${groupNamed(me, active.group)}` : ''}`} /></p>
        </div>
        <div className="actions">
          <LinkButton to={`/g/${active.group}/notebooks`}>{active.phase === 'STARTING' ? t.home.see : t.home.details}</LinkButton>
          {active.phase === 'RUNNING' && <Button type="primary" icon={<ExternalLink size={15} aria-hidden />} onClick={() => openLab(active)}>{t.home.open}</Button>}
        </div>
      </section>
    );
  }
  return (
    <section className="launch" aria-label={t.home.start}>
      <div>
        <h2>{last ? t.home.last : unknown ? t.home.now : t.home.first}</h2>
        <p>{last ? `${t.home.lastOn(last.image, last.instance_type)}, ${summary(last.limits)}` : t.home.firstWhy}</p>
      </div>
      <div className="actions">
        {last && <LinkButton to={`/g/${group.group}/notebooks`}>{t.home.choose}</LinkButton>}
        <LinkButton type="primary" icon={<Play size={15} aria-hidden />} to={last ? launchLink(group.group, last) : `/g/${group.group}/notebooks`}>
          {last ? t.home.startLast : unknown ? t.shell.notebooks : t.home.start}
        </LinkButton>
      </div>
    </section>
  );
}

function Meter({ resource, usage }: { resource: Resource; usage: GroupUsage }) {
  const limit = number(usage.total.quota, resource);
  const used = number(usage.total.used, resource) ?? 0;
  const mine = usage.user ? number(usage.user.used, resource) ?? 0 : 0;
  const own = usage.user ? number(usage.user.quota, resource) : null;
  const others = Math.max(0, used - mine);
  const words: [Mark, string][] = [];
  if (usage.user) words.push(['mine', t.usage.you(bare(resource, mine))]);
  if (own !== null) words.push(['tick', t.usage.yourLimit(bare(resource, own))]);
  words.push(['others', t.usage.others(bare(resource, others))]);
  const free = limit === null ? null : limit - used;
  return (
    <div className="meter">
      <div className="meterTop">
        <h3>{nameOfResource(resource)}</h3>
        {limit === null ? <span>{t.usage.used(show(resource, used))}</span>
          : free! < 0 ? <span className="full">{t.usage.over(bare(resource, used, limit), show(resource, limit))}</span>
            : free === 0 ? <span className="full">{t.usage.full(show(resource, limit))}</span>
              : <span><b>{bare(resource, free!, limit)}</b> {t.usage.free('', show(resource, limit)).rest}</span>}
      </div>
      <QuotaBar
        limit={limit}
        mark={own}
        label={t.usage.label(nameOfResource(resource), show(resource, mine), show(resource, others), limit === null ? null : show(resource, limit))}
        parts={[{ kind: 'mine', amount: mine }, { kind: 'others', amount: others }]}
      />
      <Legend show={words} />
    </div>
  );
}

function Holders({ usage }: { usage: GroupUsage }) {
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
              <td><span className="strong">{h.kind === 'notebook' ? t.usage.kinds.notebook : h.name}</span></td>
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
