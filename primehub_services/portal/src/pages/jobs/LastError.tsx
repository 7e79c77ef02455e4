import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import type { Job } from '../../api/types';
import { clean, jobLog } from '../../parts/log';
import { t } from '../../text';

const LINES = 60;
const LENGTH = 300;
const BAD = /error|exception|fatal|fail|panic|killed|denied|not found|no such|cannot|abort|traceback|out of memory/i;
/** What comes late, and for how long after the end, in ms: a log's last lines may follow the news of it. */
const LATE = 20_000;
const AGAIN = 2000;

/** The last line of a log's end that speaks of what went wrong, else the last that says anything; empty where none does. */
export function lastError(text: string): string {
  const lines = clean(text).split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const found = lines.findLast((line) => BAD.test(line)) ?? lines.at(-1) ?? '';
  return found.length > LENGTH ? `${found.slice(0, LENGTH)}…` : found;
}

/** What the log of a failed job says last, below its reason. Its line is kept free from the start, so that nothing moves. */
export function LastError({ job }: { job: Job }) {
  const attempt = job.attempts.at(-1);
  const source = jobLog(job.id, attempt?.number ?? 0);
  const end = useQuery({
    queryKey: ['log-end', source.stream],
    queryFn: async ({ signal }) => lastError((await source.read({ tail: LINES, limit: 65_536 }, signal)).text),
    enabled: attempt?.started_at != null,
    staleTime: Infinity,
    retry: false,
    refetchInterval: () => (job.ended_at && Date.now() - Date.parse(job.ended_at) < LATE ? AGAIN : false),
  });
  if (attempt?.started_at == null) return null;
  return (
    <span className="lastError">
      {end.data && <><code>{end.data}</code><Link to="?tab=log" replace state="log">{t.jobs.seeLog}</Link></>}
    </span>
  );
}
