import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { ask } from '../../api/queries';
import { useGroup } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Pager } from '../../parts/list/Pager';
import { SIZE } from '../../parts/list/address';
import { Bones, Empty, Failure, Page, Panel, Waiting } from '../../parts/page';
import { GroupMeters } from '../../parts/usage';
import { duration } from '../../lib/format';
import { t } from '../../text';
import { Picture } from './Picture';

export default function Queue() {
  const group = useGroup();
  const [query, setQuery] = useSearchParams();
  const page = Math.max(1, Number(query.get('page')) || 1);
  const usage = useQuery(ask.usage(group.group));
  const queue = useQuery(ask.queue(group.group, page));
  const settings = useQuery(ask.settings());
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`/g/${group.group}/jobs/new`}>{t.jobs.create}</LinkButton>;
  const error = queue.error ?? usage.error;
  return (
    <Page title={t.shell.queue} lead={t.queue.lead(settings.data ? duration(settings.data.queue_keep_after) : null)} actions={make}>
      <GroupMeters usage={usage} waiting={(queue.data?.total ?? 0) > 0} />
      {queue.data && usage.data
        ? queue.data.total === 0 && usage.data.holders.length === 0 ? <Empty title={t.queue.none} action={<LinkButton to={`/g/${group.group}/jobs/new`}>{t.jobs.create}</LinkButton>}>{t.queue.noneWhy}</Empty>
          : <Picture entries={queue.data.items} total={queue.data.total} holders={usage.data.holders} />
        : error ? <Panel><Failure error={error} what={t.queue.failed} unaffected={t.jobs.unaffected} onRetry={() => void Promise.all([queue.refetch(), usage.refetch()])} /></Panel>
          : <Waiting><Bones rows={8} widths={[90]} /></Waiting>}
      <Pager label={t.shell.queue} page={page} total={queue.data?.total} stale={queue.isPlaceholderData} size={SIZE} onTurn={(n) => setQuery(n > 1 ? { page: String(n) } : {}, { replace: true })} />
    </Page>
  );
}
