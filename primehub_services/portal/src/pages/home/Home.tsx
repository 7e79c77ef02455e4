import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import { nameOf, useGroup } from '../../lib/session';
import { useRemembered } from '../../lib/storage';
import { LinkButton } from '../../parts/LinkButton';
import { Bones, Empty, Page, Panel, Waiting } from '../../parts/page';
import { GroupMeters, Holders } from '../../parts/usage';
import { t } from '../../text';
import { Invite } from './Invite';
import { Recent, useRecent } from './Recent';
import { Starts } from './Starts';

const MONTH = 30 * 86_400_000;

export default function Home() {
  const group = useGroup();
  const base = `/g/${group.group}`;
  const usage = useQuery(ask.usage(group.group));
  const counts = useQuery(ask.jobCounts(group.group, '', undefined));
  const recent = useRecent();
  const waiting = counts.data?.phases.PENDING ?? 0;
  return (
    <Page title={nameOf(group)} lead={usage.data ? t.home.lead(usage.data.holders.length, waiting) : ' '}
      actions={<><Invite /><LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`${base}/jobs/new`}>{t.jobs.create}</LinkButton></>}>
      <Starts />
      <GroupMeters usage={usage} waiting={waiting > 0} extra={<Link to={`${base}/queue`}>{t.home.seeQueue}</Link>} />
      <div className="two">
        <Panel title={t.usage.who} className="flush">
          {usage.data ? <Holders usage={usage.data} /> : usage.error ? <Empty title={t.usage.whoUnknown}>{t.usage.whoUnknownWhy}</Empty> : <Waiting><div style={{ padding: '0 16px' }}><Bones rows={4} /></div></Waiting>}
        </Panel>
        <Recent recent={recent} />
      </div>
      {/* it stands below what grows with its rows, and would be pushed away by them */}
      {!usage.isPending && (recent.items ?? recent.error) && <Beginners base={base} />}
    </Page>
  );
}

/** Ways into the guide; after a month with this browser they are in the menu alone. */
function Beginners({ base }: { base: string }) {
  const [since, begin] = useRemembered<number | null>('since', null);
  const [now] = useState(() => Date.now());
  useEffect(() => {
    if (since === null) begin(Date.now());
  }, [since, begin]);
  if (since !== null && now - since > MONTH) return null;
  return (
    <nav className="guideLinks" aria-label={t.home.newHere}>
      <b>{t.home.newHere}</b>
      {t.home.guide.map(([at, text]) => <Link key={at} to={`${base}/guide#${at}`}>{text}</Link>)}
    </nav>
  );
}
