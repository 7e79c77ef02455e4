import { useQuery } from '@tanstack/react-query';
import { Button, Checkbox, Select } from 'antd';
import { X } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { admin, type Membership } from '../../../api/admin';
import { ask } from '../../../api/queries';
import { useDebounced } from '../../../lib/debounce';
import { isEmpty, summary } from '../../../lib/resources';
import { Section } from '../../../parts/form/FormPage';
import { useSome } from '../../../parts/list/some';
import { Who } from '../../../parts/page';
import type { Resources } from '../../../api/types';
import { a } from '../../../text/admin';
import type { Role } from './draft';

const words = a.groups;
type People = Record<string, Role>;

/** Who is in the group, who administers it, and what each holds now. */
export function MemberFields({ group, members, chosen, onChange }: { group: string; members: readonly Membership[]; chosen: People; onChange: (people: People) => void }) {
  const { data: usage } = useQuery(ask.usage(group));
  const names = Object.keys(chosen).sort();
  const { shown, find, more } = useSome(names, words.members.toLowerCase(), (name) => name);
  const of = useMemo(() => new Map(members.map((member) => [member.user, member])), [members]);
  const held = (user: string) => {
    const sum = (usage?.holders ?? []).filter((h) => h.user === user).reduce<Resources>((all, { limits }) => ({
      cpu: all.cpu + limits.cpu, memory: `${(Number.parseFloat(all.memory) || 0) + gibOf(limits.memory)}Gi`, gpu: all.gpu + limits.gpu,
    }), { cpu: 0, memory: '0Gi', gpu: 0 });
    return isEmpty(sum) ? '' : words.holds(summary(sum));
  };
  return (
    <Section title={words.members} why={words.membersWhy(names.length, Object.values(chosen).filter((role) => role === 'admin').length)}>
      <AddPeople chosen={chosen} onChange={onChange} />
      {find}
      {names.length === 0 ? <p className="small">{words.noMembers}</p> : (
        <ul className="people">
          {shown.map((user) => {
            const origins = of.get(user)?.origins ?? [];
            const byProvider = origins.includes('provider');
            return (
              <li key={user}>
                <Link className="strong" to={`/admin/users/${user}`}><Who name={user} /></Link>
                <Checkbox aria-label={words.adminOf(user)} checked={chosen[user] === 'admin'} onChange={({ target }) => onChange({ ...chosen, [user]: target.checked ? 'admin' : 'member' })}>{words.groupAdmin}</Checkbox>
                <span className="muted" title={byProvider ? words.byProviderHelp : undefined}>{[held(user), byProvider && words.byProvider].filter(Boolean).join(', ')}</span>
                {byProvider && !origins.includes('local') ? <span /> : (
                  <Button size="small" type="text" aria-label={words.removeThis(user)} icon={<X size={14} aria-hidden />} onClick={() => onChange(Object.fromEntries(Object.entries(chosen).filter(([name]) => name !== user)))} />
                )}
              </li>
            );
          })}
        </ul>
      )}
      {more}
    </Section>
  );
}

const gibOf = (memory: string) => (memory.endsWith('Mi') ? Number.parseFloat(memory) / 1024 : Number.parseFloat(memory));

function AddPeople({ chosen, onChange }: { chosen: People; onChange: (people: People) => void }) {
  const [typed, type] = useState('');
  const search = useDebounced(typed, 200);
  const found = useQuery(admin.users({ page: 1, page_size: 20, search }));
  const options = (found.data?.items ?? []).filter((user) => !(user.name in chosen)).map((user) => ({ value: user.name, label: user.display_name && user.display_name !== user.name ? `${user.name}, ${user.display_name}` : user.name }));
  return (
    <Select showSearch={{ filterOption: false, searchValue: typed, onSearch: type }} value={null} aria-label={words.addPeople} placeholder={words.addPeople} loading={found.isFetching} style={{ width: '100%' }}
      notFoundContent={words.nobodyMatches} options={options} onChange={(user: string | null) => {
        type('');
        if (user !== null) onChange({ ...chosen, [user]: 'member' });
      }} />
  );
}

/** What becomes of whom, in the list of changes. */
export function MemberChanges({ saved, draft }: { saved: People; draft: People }) {
  const roleWord = (role: Role | undefined) => (role === 'admin' ? words.adminMay : words.member.toLowerCase());
  const lines = [
    ...Object.keys(draft).filter((user) => !(user in saved)).map((user) => words.joins(user, roleWord(draft[user]))),
    ...Object.keys(draft).filter((user) => user in saved && saved[user] !== draft[user]).map((user) => words.becomes(user, roleWord(draft[user]))),
    ...Object.keys(saved).filter((user) => !(user in draft)).map((user) => words.leaves(user)),
  ];
  return <>{lines.map((line) => <span key={line}>{line}</span>)}</>;
}
