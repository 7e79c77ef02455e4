import type { Notebook } from '../../api/types';
import { duration, exact } from '../../lib/format';
import { summary } from '../../lib/resources';
import { t } from '../../text';

const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;

/** What was asked for, in the order in which people look for it. */
export function notebookFacts(notebook: Notebook, group: string): [string, string][] {
  const { facts } = t.notebook;
  const rows: [string, string][] = [
    [facts.group, group],
    [facts.type, notebook.instance_type],
    [facts.resources, summary(notebook.limits)],
    [facts.image, notebook.image],
    [facts.safeMode, notebook.safe_mode ? facts.on : facts.off],
    [facts.asked, exact(notebook.created_at)],
  ];
  if (notebook.ready_at) rows.push([facts.took, duration(seconds(notebook.created_at, notebook.ready_at))]);
  if (notebook.ended_at) {
    rows.push([facts.ended, exact(notebook.ended_at)]);
    rows.push([facts.ran, duration(seconds(notebook.ready_at ?? notebook.created_at, notebook.ended_at))]);
  } else {
    rows.push([facts.idle, notebook.idle_timeout > 0 ? facts.after(duration(notebook.idle_timeout)) : facts.never]);
  }
  if (notebook.left_out.length > 0) rows.push([facts.leftOut, notebook.left_out.join(', ')]);
  return rows;
}

export const reasonWords = (reason: string) => t.notebook.reasons[reason] ?? reason;

/** Who pressed Stop, as the platform notes it with the end; null where nobody did. */
export const stoppedBy = (notebook: Notebook): string | null => /^stopped by (.+)$/.exec(notebook.reason)?.[1] ?? null;
