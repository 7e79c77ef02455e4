import { Activity, Boxes, CalendarClock, Cpu, FileClock, Gauge, HardDrive, KeyRound, NotebookPen, Package, Settings, SquareTerminal, Users, type LucideIcon } from 'lucide-react';
import { t } from '../text';
import { a } from '../text/admin';
import type { Entry } from './palette-entries';

type AdminPage = [path: string, text: string, Icon: LucideIcon];

/** The pages of the admin portal, by what they are about. */
export const sections: [string, AdminPage[]][] = [
  [a.menu.who, [['groups', a.groups.title, Boxes], ['users', a.users.title, Users]]],
  [a.menu.use, [['instance-types', a.types.title, Cpu], ['images', a.images.title, Package], ['volumes', a.volumes.title, HardDrive], ['secrets', a.secrets.title, KeyRound]]],
  [a.menu.runs, [['notebooks', a.notebooks.title, NotebookPen], ['jobs', a.jobs.title, SquareTerminal], ['recurring-jobs', a.schedules.title, CalendarClock], ['usage', a.usage.title, Gauge]]],
  [a.menu.platform, [['audit', a.audit.title, FileClock], ['settings', a.settings.title, Settings], ['health', a.health.title, Activity]]],
];

/** The same as the palette finds them; some are called as pages of a group are. */
export const entries = sections.flatMap(([, pages]) => pages.map(([path, text, Icon]): Entry => ({ key: `/admin/${path}`, kind: 'page', to: `/admin/${path}`, text, note: t.shell.adminPortal, Icon })));
