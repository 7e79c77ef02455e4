import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Radio, Select } from 'antd';
import { CircleAlert, Megaphone } from 'lucide-react';
import { useEffect, useState } from 'react';
import { admin } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import type { Announcement } from '../../../api/types';
import { useNow } from '../../../lib/clock';
import { exact } from '../../../lib/format';
import { Field } from '../../../parts/Field';
import { told } from '../../../parts/form/form';
import { Section } from '../../../parts/form/FormPage';
import { Bones, Failure, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';
import { GroupField } from '../parts/Access';

const words = a.settings;
type Level = Announcement['level'];

/** Lines above every page: what stands there, and a new one. */
export function Announcements({ tell }: { tell: (section: string, changes: number) => void }) {
  const list = useQuery(admin.announcements());
  return (
    <Section title={words.announcements} why={words.announcementsWhy}>
      {list.error && !list.data ? <Failure error={list.error} what={words.announcementsFailed} onRetry={() => void list.refetch()} />
        : !list.data ? <Waiting><Bones rows={2} widths={[80]} /></Waiting>
          : list.data.items.length === 0 ? <p className="small muted">{words.noAnnouncements}</p>
            : <ul className="people announcements">{list.data.items.map((item) => <Line key={item.id} item={item} />)}</ul>}
      <Announce tell={tell} />
    </Section>
  );
}

function Line({ item }: { item: Announcement }) {
  const queries = useQueryClient();
  const now = useNow(30_000);
  const remove = useMutation({
    mutationFn: () => api.DELETE('/announcements/{announcement}', { params: { path: { announcement: item.id } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['announcements'] }),
  });
  const over = item.ends_at !== null && Date.parse(item.ends_at) <= now;
  return (
    <li>
      <div><span>{item.message}</span><small>{[words.levels[item.level], item.group && words.forGroup(item.group), item.ends_at && (over ? words.over : words.ends(exact(item.ends_at).slice(0, 16)))].filter(Boolean).join(', ')}</small></div>
      <Button size="small" type="text" danger loading={remove.isPending} aria-label={words.takeDownThis(item.message)} onClick={() => remove.mutate()}>{words.takeDown}</Button>
      {remove.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(remove.error).message}</p>}
    </li>
  );
}

function Announce({ tell }: { tell: (section: string, changes: number) => void }) {
  const queries = useQueryClient();
  const [message, setMessage] = useState('');
  const [level, setLevel] = useState<Level>('info');
  const [group, setGroup] = useState('');
  const [lasts, setLasts] = useState(0);
  const [tried, setTried] = useState(false);
  const typed = message.trim() === '' ? 0 : 1;
  useEffect(() => tell(words.announcements, typed), [tell, typed]);
  const send = useMutation({
    mutationFn: () => body(api.POST('/announcements', { body: { message: message.trim(), level, group: group || null, starts_at: null, ends_at: lasts === 0 ? null : new Date(Date.now() + lasts * 1000).toISOString() } })),
    onSuccess: () => {
      setMessage('');
      setTried(false);
      return queries.invalidateQueries({ queryKey: ['announcements'] });
    },
  });
  const problem = send.error ? asProblem(send.error) : null;
  const field = problem?.of('message');
  return (
    <>
      <Field label={words.message} error={(tried && message.trim() === '' && words.messageNeeded) || (field && told(field))}>
        {(ids) => <Input.TextArea {...ids} maxLength={500} autoSize={{ minRows: 2, maxRows: 4 }} value={message} onChange={(event) => setMessage(event.target.value)} />}
      </Field>
      <div className="field"><span className="label">{words.level}</span><Radio.Group aria-label={words.level} value={level} onChange={(event) => setLevel(event.target.value as Level)} options={(['info', 'warning', 'error'] as const).map((value) => ({ value, label: words.levels[value] }))} /></div>
      <div className="threeCols halves">
        <GroupField label={words.to} value={group} empty={words.everyone} onChange={setGroup} />
        <Field label={words.until}>{({ id }) => <Select<number> id={id} style={{ width: '100%' }} value={lasts} onChange={setLasts} options={Object.entries(words.untils).map(([value, label]) => ({ value: Number(value), label }))} />}</Field>
      </div>
      {problem && !field && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{problem.errors[0] ? told(problem.errors[0]) : problem.message}</p>}
      <span><Button icon={<Megaphone size={14} aria-hidden />} loading={send.isPending} onClick={() => {
        setTried(true);
        if (message.trim() !== '') send.mutate();
      }}>{words.announce}</Button></span>
    </>
  );
}
