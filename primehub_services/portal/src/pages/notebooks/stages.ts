import type { Notebook } from '../../api/types';

export const STAGES = ['preparing', 'image', 'creating', 'starting', 'ready'] as const;
export type StageName = (typeof STAGES)[number];
export type Stage = { name: StageName; is: 'done' | 'now' | 'next' | 'failed'; seconds: number | null };

/** The start's stages from its events: which are over, and how long each took. A stage that was skipped took nothing. */
export function stagesOf(notebook: Notebook, now: number): Stage[] {
  const began = new Map<StageName, number>();
  for (const event of notebook.events) {
    const name = STAGES.find((stage) => stage === event.stage);
    if (name && !began.has(name)) began.set(name, Date.parse(event.at));
  }
  if (!began.has('preparing')) began.set('preparing', Date.parse(notebook.created_at));
  if (notebook.ready_at) began.set('ready', Date.parse(notebook.ready_at));
  const current = STAGES.findLastIndex((stage) => began.has(stage));
  const over = notebook.phase === 'FAILED' || notebook.phase === 'STOPPED';
  return STAGES.map((name, i) => {
    const from = began.get(name);
    if (i > current) return { name, is: 'next', seconds: null };
    if (i === current) {
      if (name === 'ready') return { name, is: 'done', seconds: null };
      const end = notebook.ended_at ? Date.parse(notebook.ended_at) : now;
      return { name, is: over ? 'failed' : 'now', seconds: (end - (from ?? now)) / 1000 };
    }
    const next = STAGES.slice(i + 1).map((stage) => began.get(stage)).find((at) => at !== undefined);
    return { name, is: 'done', seconds: from === undefined || next === undefined ? 0 : (next - from) / 1000 };
  });
}
