import { useQuery } from '@tanstack/react-query';
import { Modal } from 'antd';
import { Boxes, CircleUser, CornerDownLeft, Search, SquareTerminal, type LucideIcon } from 'lucide-react';
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { useNavigate } from 'react-router';
import { ask } from '../api/queries';
import type { Job, Me } from '../api/types';
import { hub } from '../lib/base';
import { useDebounced } from '../lib/debounce';
import { useFocusBack } from '../lib/focus-back';
import { jobPath } from '../lib/job-paths';
import { groupNamed, useMe } from '../lib/session';
import { Status } from '../parts/Status';
import { t } from '../text';
import { found, pagesFor, type Entry } from './palette-entries';
import { useWorkingGroup } from './SideMenu';

const icons: Record<string, LucideIcon> = { group: Boxes, person: CircleUser, job: SquareTerminal };

/** One field that goes to pages, groups, jobs and people. What it finds is what the API shows this person. */
export default function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  useFocusBack();
  const go = useNavigate();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const { sections, searching, failed } = useFound(text.trim());
  const entries = sections.flatMap((section) => section.entries);
  const current = Math.min(at, Math.max(0, entries.length - 1));
  const id = useId();
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    if (entry.to === '?') onHelp();
    else if (entry.to.startsWith(hub.controlPanel)) location.assign(entry.to);
    else void go(entry.to);
  };
  const press = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && entries.length > 0) {
      event.preventDefault();
      setAt((current + step + entries.length) % entries.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      choose(entries[current]);
    }
  };
  return (
    <Modal open onCancel={onClose} footer={null} closable={false} width={600} className="palette" title={<span className="sr">{t.palette.title}</span>} style={{ top: 72 }}>
      <div className="paletteField">
        <Search size={16} aria-hidden />
        <input autoFocus role="combobox" aria-expanded aria-controls={id} aria-label={t.palette.title} aria-activedescendant={entries.length > 0 ? `${id}-${current}` : undefined} aria-autocomplete="list"
          placeholder={t.palette.hint} value={text} spellCheck={false} autoComplete="off" onKeyDown={press} onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }} />
        <kbd>Esc</kbd>
      </div>
      <div className="paletteList" role="listbox" id={id} aria-label={t.palette.results} aria-busy={searching}>
        {sections.map((section) => section.entries.length > 0 && (
          <div key={section.title} role="group" aria-label={section.title}>
            <h3 aria-hidden>{section.title}</h3>
            {section.entries.map((entry) => {
              const n = entries.indexOf(entry);
              return <Option key={entry.key} id={`${id}-${n}`} entry={entry} chosen={n === current} onPoint={() => setAt(n)} onChoose={() => choose(entry)} />;
            })}
          </div>
        ))}
      </div>
      {failed.length > 0 ? <p className="paletteNone" role="status">{t.palette.failed(failed.join(', '))}</p>
        : entries.length === 0 && <p className="paletteNone" role="status">{searching ? t.palette.searching : t.palette.nothing(text)}</p>}
    </Modal>
  );
}

function Option({ id, entry, chosen, onPoint, onChoose }: { id: string; entry: Entry; chosen: boolean; onPoint: () => void; onChoose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const Icon = entry.Icon ?? icons[entry.kind] ?? CornerDownLeft;
  useEffect(() => {
    if (chosen) box.current?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    // the field keeps the focus and has the keys; this is for the pointer
    <div ref={box} id={id} role="option" aria-selected={chosen} className="paletteRow" onPointerMove={onPoint} onClick={onChoose}>
      <Icon size={15} strokeWidth={1.75} aria-hidden /><span className="what">{entry.text}</span>{entry.note && <span className="muted">{entry.note}</span>}
      {entry.state ? <Status state={entry.state} /> : entry.keys && <span className="keysOf">{entry.keys.map((key) => <kbd key={key}>{key}</kbd>)}</span>}
    </div>
  );
}

const MOST = 6;

/** The pages of the admin portal. Their words come with them: most people never need any. */
function useAdminPages(): readonly Entry[] {
  const me = useMe();
  const [pages, setPages] = useState<readonly Entry[]>([]);
  useEffect(() => {
    if (me.platform_admin) void import('./admin-pages').then(({ entries }) => setPages(entries));
  }, [me.platform_admin]);
  return pages;
}

const ofUser = (p: { name: string; display_name: string }): Entry => ({ key: `p-${p.name}`, kind: 'person', text: p.display_name || p.name, note: p.name, to: `/admin/users?search=${encodeURIComponent(p.name)}` });
const ofMember = (p: { user: string; display_name: string }, group: string | null): Entry => ({ key: `p-${p.user}`, kind: 'person', text: p.display_name || p.user, note: p.user, to: `/g/${group}/jobs?search=${encodeURIComponent(p.user)}` });
const ofJob = (j: Job, me: Me, working: string | null): Entry => ({
  key: j.id, kind: 'job', text: j.name, state: j.phase, note: j.group === working ? j.user : t.palette.jobOf(j.user, groupNamed(me, j.group)),
  to: jobPath(me, j.group, j.id),
});
const ofGroup = (g: { group: string; name: string; display_name: string }, to: string): Entry => ({ key: `g-${g.group}`, kind: 'group', text: g.display_name || g.name, note: g.display_name ? g.name : '', to });

/** What the API is asked, of what this person may find: for platform admins everybody and every group. */
function useAsked(wanted: string, group: string | null) {
  const { platform_admin: all } = useMe();
  const long = wanted.length >= 2;
  return {
    jobs: useQuery({ ...ask.jobsAnywhere(wanted, MOST), enabled: long }),
    members: useQuery({ ...ask.members(group ?? '-'), enabled: group !== null && !all && long }),
    people: useQuery({ ...ask.people(wanted, MOST), enabled: all && long }),
    groups: useQuery({ ...ask.allGroups(wanted, MOST), enabled: all && long }),
  };
}

/** What was found where, whether more may come, and where it could not be looked for. */
type Found = { sections: { title: string; entries: Entry[] }[]; searching: boolean; failed: string[] };

function useFound(text: string): Found {
  const me = useMe();
  const group = useWorkingGroup();
  const adminPages = useAdminPages();
  const wanted = useDebounced(text, 150);
  const { jobs, members, people, groups } = useAsked(wanted, group);
  const searched = wanted.length >= 2 && text !== '';
  const mine = me.groups.filter((g) => g.group !== group).map((g) => ofGroup(g, `/g/${g.group}/home`));
  const others = (searched ? groups.data?.items ?? [] : []).filter((g) => !me.groups.some((own) => own.group === g.slug)).map((g) => ofGroup({ ...g, group: g.slug }, `/admin/groups/${g.slug}`));
  const persons = me.platform_admin ? (people.data?.items ?? []).map(ofUser) : (members.data?.items ?? []).map((p) => ofMember(p, group));
  const role = me.groups.find((g) => g.group === group)?.role;
  const asked: [string, { isFetching: boolean; isError: boolean }][] = [[t.palette.groups, groups], [t.palette.jobs, jobs], [t.palette.people, members], [t.palette.people, people]];
  return {
    sections: [
      { title: t.palette.pages, entries: found([...pagesFor(group, role === 'admin' || me.platform_admin, me.platform_admin), ...(text === '' ? [] : adminPages)], text) },
      { title: t.palette.groups, entries: found([...mine, ...others], text).slice(0, text === '' ? 3 : MOST) },
      { title: t.palette.jobs, entries: searched ? (jobs.data?.items ?? []).map((j) => ofJob(j, me, group)) : [] },
      { title: t.palette.people, entries: searched ? found(persons, text).slice(0, MOST) : [] },
    ],
    searching: wanted !== text || (searched && asked.some(([, query]) => query.isFetching)),
    failed: searched ? asked.filter(([, query]) => query.isError).map(([title]) => title) : [],
  };
}
