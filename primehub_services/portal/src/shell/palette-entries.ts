import { Bell, BookOpen, CalendarClock, CircleUser, House, Keyboard, KeyRound, LayoutDashboard, ListOrdered, NotebookPen, Package, Plus, ShieldCheck, SlidersHorizontal, SquareTerminal, type LucideIcon } from 'lucide-react';
import { hub } from '../lib/base';
import type { State } from '../parts/Status';
import { t } from '../text';

export type Entry = { key: string; kind: string; text: string; to: string; note?: string; words?: string; state?: State; keys?: string[]; Icon?: LucideIcon };

/** Every page that this person may open. */
export function pagesFor(group: string | null, groupAdmin: boolean, platformAdmin: boolean): Entry[] {
  const page = (to: string, text: string, Icon: LucideIcon, more: Partial<Entry> = {}): Entry => ({ key: to, kind: 'page', to, text, Icon, ...more });
  const g = `/g/${group}`;
  return [
    ...(group === null ? [] : [
      page(`${g}/home`, t.shell.home, House, { keys: ['g', 'h'] }),
      page(`${g}/notebooks`, t.shell.notebooks, NotebookPen, { keys: ['g', 'n'] }),
      page(`${g}/jobs`, t.shell.jobs, SquareTerminal, { keys: ['g', 'j'] }),
      page(`${g}/jobs/new`, t.jobs.create, Plus),
      page(`${g}/recurring-jobs`, t.shell.schedules, CalendarClock, { keys: ['g', 'r'] }),
      page(`${g}/queue`, t.shell.queue, ListOrdered, { keys: ['g', 'q'] }),
      page(`${g}/notebooks/past`, t.notebook.past, NotebookPen),
      page(`${g}/guide`, t.shell.guide, BookOpen),
      ...(groupAdmin ? [page(`${g}/images`, t.shell.images, Package)] : []),
      page(`${g}/settings`, groupAdmin ? t.shell.settings : t.shell.aboutGroup, SlidersHorizontal),
    ]),
    page('/profile', t.shell.profile, CircleUser, { words: 'theme dark light secrets e-mail' }),
    page('/tokens', t.shell.tokens, KeyRound),
    page('/notifications', t.shell.notifications, Bell),
    ...(platformAdmin ? [page('/admin', t.shell.adminPortal, ShieldCheck)] : []),
    page(hub.controlPanel, t.shell.controlPanel, LayoutDashboard),
    page('?', t.keys.title, Keyboard, { keys: ['?'] }),
  ];
}

/** Those with all the words of the text; where a word begins with it first. */
export function found(entries: readonly Entry[], text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = (entry: Entry) => `${entry.text} ${entry.note ?? ''} ${entry.words ?? ''}`.toLowerCase();
  const begins = (entry: Entry) => words.every((word) => all(entry).split(/[\s-]+/).some((part) => part.startsWith(word)));
  return entries.filter((entry) => words.every((word) => all(entry).includes(word))).sort((a, b) => Number(begins(b)) - Number(begins(a)));
}
