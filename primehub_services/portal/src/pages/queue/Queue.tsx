import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { Link } from 'react-router';
import { ask } from '../../api/queries';
import { useNow } from '../../lib/clock';
import { about, duration, exact } from '../../lib/format';
import { summary } from '../../lib/resources';
import { useGroup } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Bones, Empty, Failure, Page, Panel, Waiting, Who } from '../../parts/page';
import { GroupMeters } from '../../parts/usage';
import { t } from '../../text';

export default function Queue() {
  const group = useGroup();
  const now = useNow(5000);
  const usage = useQuery(ask.usage(group.group));
  const queue = useQuery(ask.queue(group.group));
  const columns = t.queue.columns;
  const make = <LinkButton icon={<Plus size={15} aria-hidden />} to={`/g/${group.group}/jobs/new`}>{t.jobs.create}</LinkButton>;
  return (
    <Page title={t.shell.queue} lead={t.queue.lead} actions={make}>
      <GroupMeters usage={usage} />
      {queue.error ? <Panel><Failure error={queue.error} what={t.queue.failed} unaffected={t.jobs.unaffected} onRetry={() => void queue.refetch()} /></Panel>
        : !queue.data ? <Waiting><Bones rows={5} widths={[90]} /></Waiting>
          : queue.data.items.length === 0 ? <Empty title={t.queue.none}>{t.queue.noneWhy}</Empty>
            : (
              <div className="scroll onSheet">
                <table className="sheet cards">
                  <thead>
                    <tr>
                      <th scope="col" className="r">{columns.place}</th><th scope="col">{columns.name}</th><th scope="col">{columns.user}</th><th scope="col">{columns.needs}</th>
                      <th scope="col">{columns.why}</th><th scope="col" className="r">{columns.since}</th><th scope="col">{columns.start}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {queue.data.items.map(({ place, ...job }) => (
                      <tr key={job.job}>
                        <td className="r soft">{place.position}</td>
                        <td className="name"><Link className="strong" to={`/g/${group.group}/jobs/${job.job}`}>{job.name}</Link></td>
                        <td><Who name={job.user} /></td>
                        <td className="soft">{summary(job.limits)}</td>
                        <td className="wrap">{place.decision.reasons[0]?.message}{place.kept && <span className="chip after">{t.queue.kept}</span>}</td>
                        <td className="r soft" title={exact(place.waiting_since)}>{duration((now - Date.parse(place.waiting_since)) / 1000)}</td>
                        <td className="soft">{place.estimate && Date.parse(place.estimate) > now + 5000 ? <span title={exact(place.estimate)}>{t.queue.inAbout(about((Date.parse(place.estimate) - now) / 1000))}</span> : t.queue.unknown}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
    </Page>
  );
}
