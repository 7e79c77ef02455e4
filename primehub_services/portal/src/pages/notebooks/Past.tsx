import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { Play } from 'lucide-react';
import { Link, useSearchParams } from 'react-router';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { count, duration } from '../../lib/format';
import { useGroup, useMe } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { Ago, Bones, Empty, Failure, Page, Waiting } from '../../parts/page';
import { Status } from '../../parts/Status';
import { t } from '../../text';

const SIZE = 50;

export default function Past() {
  const group = useGroup();
  const me = useMe();
  const [query, setQuery] = useSearchParams();
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const past = useQuery(ask.pastNotebooks(me.name, group.group, page, SIZE));
  const columns = t.notebook.pastColumns;
  const turn = (to: number) => setQuery(to > 1 ? { page: String(to) } : {});
  return (
    <Page crumbs={{ to: `/g/${group.group}/notebooks`, text: t.shell.notebooks }} title={t.notebook.past} lead={t.notebook.pastLead}>
      {past.error ? <Failure error={past.error} what={t.home.failed} onRetry={() => void past.refetch()} />
        : past.data?.total === 0
          ? <Empty title={t.notebook.pastNone} action={<LinkButton type="primary" icon={<Play size={15} aria-hidden />} to={`/g/${group.group}/notebooks`}>{t.notebook.start}</LinkButton>}>{t.notebook.pastNoneWhy}</Empty>
          : (
            <>
              <div className="scroll onSheet">
                <table className="sheet cards">
                  <thead><tr><th scope="col">{columns.state}</th><th scope="col">{columns.what}</th><th scope="col">{columns.asked}</th><th scope="col" className="r">{columns.ran}</th></tr></thead>
                  <tbody>
                    {past.data?.items.map((n) => (
                      <tr key={n.id}>
                        <td><Status state={n.phase} note={n.reason} /></td>
                        <td><Link className="strong" to={`/g/${group.group}/notebooks/${n.id}`}>{t.home.lastOn(n.image, n.instance_type)}</Link></td>
                        <td className="soft"><Ago at={n.created_at} /></td>
                        <td className="r soft">{ran(n)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {!past.data && <Waiting><div style={{ padding: '8px 16px' }}><Bones rows={8} widths={[90]} /></div></Waiting>}
              {past.data && past.data.total > SIZE && (
                <nav className="pager" aria-label={t.notebook.past}>
                  <span>{t.notebook.pastTotal((page - 1) * SIZE + 1, Math.min(page * SIZE, past.data.total), count(past.data.total))}</span>
                  <Button size="small" disabled={page === 1} onClick={() => turn(page - 1)}>{t.notebook.newer}</Button>
                  <Button size="small" disabled={page * SIZE >= past.data.total} onClick={() => turn(page + 1)}>{t.notebook.older}</Button>
                </nav>
              )}
            </>
          )}
    </Page>
  );
}

const ran = (n: Notebook) => (n.ready_at && n.ended_at ? duration((Date.parse(n.ended_at) - Date.parse(n.ready_at)) / 1000) : '–');
