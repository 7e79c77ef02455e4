import { useQuery } from '@tanstack/react-query';
import { Button, Input } from 'antd';
import { Plus, Search } from 'lucide-react';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { ask } from '../../api/queries';
import { useDebounced } from '../../lib/debounce';
import { count, exact } from '../../lib/format';
import { useGroup } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Bones, Empty, Failure, Page, Waiting, Who } from '../../parts/page';
import { t } from '../../text';
import { ScheduleRowActions } from './actions';
import { nextRun } from './words';

const SIZE = 50;

export default function Schedules() {
  const group = useGroup();
  const [query, setQuery] = useSearchParams();
  const [typed, type] = useState('');
  const search = useDebounced(typed, 250);
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const list = useQuery(ask.schedules(group.group, page, SIZE, search));
  const columns = t.schedules.columns;
  const base = `/g/${group.group}/recurring-jobs`;
  const make = <LinkButton type="primary" icon={<Plus size={15} aria-hidden />} to={`${base}/new`}>{t.schedules.create}</LinkButton>;
  return (
    <Page title={t.shell.schedules} actions={make}>
      <div className="filters">
        <Input allowClear prefix={<Search size={14} aria-hidden />} placeholder={t.schedules.search} aria-label={t.schedules.search} value={typed} onChange={(event) => type(event.target.value)} />
      </div>
      {list.error ? <Failure error={list.error} what={t.schedules.failed} unaffected={t.jobs.unaffected} onRetry={() => void list.refetch()} />
        : list.data?.total === 0
          ? search ? <Empty title={t.jobs.nothing} action={<Button onClick={() => type('')}>{t.jobs.clear}</Button>} /> : <Empty title={t.schedules.none} action={make}>{t.schedules.noneWhy}</Empty>
          : (
            <>
              <div className="scroll onSheet">
                <table className="sheet cards">
                  <thead>
                    <tr>
                      <th scope="col">{columns.name}</th><th scope="col">{columns.next}</th><th scope="col">{columns.recurrence}</th>
                      <th scope="col">{columns.last}</th><th scope="col">{columns.user}</th><th scope="col"><span className="sr">{columns.actions}</span></th>
                    </tr>
                  </thead>
                  <tbody>
                    {list.data?.items.map((schedule) => (
                      <tr key={schedule.id}>
                        <td className="name"><Link className="strong" to={`${base}/${schedule.id}`}>{schedule.name}</Link></td>
                        <td className={schedule.paused ? 'muted' : ''} title={schedule.next_at ? exact(schedule.next_at) : schedule.pause_reason}>{nextRun(schedule)}</td>
                        <td className="soft">{schedule.reading}</td>
                        <td className="soft">{schedule.last ? t.schedules.outcome[schedule.last.outcome] : t.schedules.never}</td>
                        <td><Who name={schedule.user} /></td>
                        <td className="r"><ScheduleRowActions schedule={schedule} /></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {!list.data && <Waiting><div style={{ padding: '8px 16px' }}><Bones rows={6} widths={[90]} /></div></Waiting>}
              {list.data && list.data.total > SIZE && (
                <nav className="pager" aria-label={t.shell.schedules}>
                  <span>{t.notebook.pastTotal((page - 1) * SIZE + 1, Math.min(page * SIZE, list.data.total), count(list.data.total))}</span>
                  <Button size="small" disabled={page === 1} onClick={() => setQuery(page > 2 ? { page: String(page - 1) } : {})}>{t.notebook.newer}</Button>
                  <Button size="small" disabled={page * SIZE >= list.data.total} onClick={() => setQuery({ page: String(page + 1) })}>{t.notebook.older}</Button>
                </nav>
              )}
            </>
          )}
    </Page>
  );
}
