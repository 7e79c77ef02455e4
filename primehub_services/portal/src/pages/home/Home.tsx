import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { ExternalLink, Play } from 'lucide-react';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { groupNamed, nameOf, useGroup, useMe } from '../../lib/session';
import { summary } from '../../lib/resources';
import { Ago, Bones, Empty, Failure, Page, Panel, Waiting } from '../../parts/page';
import { LinkButton } from '../../parts/LinkButton';
import { Status } from '../../parts/Status';
import { GroupMeters, Holders } from '../../parts/usage';
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
      <GroupMeters usage={usage} />
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
