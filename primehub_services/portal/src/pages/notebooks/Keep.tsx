import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { ChevronDown, CircleAlert } from 'lucide-react';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { useNow } from '../../lib/clock';
import { about, clock, exact } from '../../lib/format';
import { Drop } from '../../parts/Drop';
import { Panel } from '../../parts/page';
import { t } from '../../text';

const HOURS = [2, 8, 24, 72];

/** When it stops by itself, and how to put that off. */
export function KeepPanel({ notebook, left }: { notebook: Notebook; left: number | null }) {
  const queries = useQueryClient();
  const now = useNow(30_000);
  const settings = useQuery(ask.settings());
  const keep = useMutation({
    mutationFn: (seconds: number) => body(api.POST('/notebooks/{notebook}/keep', { params: { path: { notebook: notebook.id } }, body: { seconds } })),
    onSuccess: (kept) => queries.setQueryData(ask.activeNotebook(notebook.user).queryKey, kept),
  });
  const most = settings.data?.keep_max ?? 2 * 3600;
  const choices = [...new Set(HOURS.map((hours) => Math.min(hours * 3600, most)))];
  const kept = notebook.keep_until !== null && Date.parse(notebook.keep_until) > now;
  if (notebook.idle_timeout === 0) return <Panel title={t.notebook.stopsInTitle}><p className="small">{t.notebook.neverStops}</p></Panel>;
  return (
    <Panel title={t.notebook.stopsInTitle}>
      <div className="keep">
        <b>{left === null ? t.notebook.facts.after(about(notebook.idle_timeout)) : t.notebook.stopsInBig(about(left))}</b>
        <p className="small" title={kept ? exact(notebook.keep_until!) : undefined}>{kept ? t.notebook.keptUntilLong(clock(notebook.keep_until!).slice(0, 5), Date.parse(notebook.keep_until!)) : t.notebook.keepWhy}</p>
        {most > 0 && <div>
          <Drop menu={() => ({
            items: choices.map((seconds) => ({ key: String(seconds), label: t.notebook.keepFor(about(seconds)) })),
            onClick: ({ key }) => keep.mutate(Number(key)),
          })}>
            <Button loading={keep.isPending}>{t.notebook.keep}<ChevronDown size={14} aria-hidden /></Button>
          </Drop>
        </div>}
        {keep.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(keep.error).message}</p>}
      </div>
    </Panel>
  );
}
