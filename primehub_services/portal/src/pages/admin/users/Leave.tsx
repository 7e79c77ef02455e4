import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { admin, some, type Account, type AccountUpdate } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import { useMe } from '../../../lib/session';
import { Confirm } from '../../../parts/form/Confirm';
import { Section } from '../../../parts/form/FormPage';
import { UNASKED } from '../../../parts/form/Leaving';
import { Ago, Bones, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';

const words = a.users;
type Act = 'disable' | 'enable' | 'delete';

/** Disabling and deleting, with what would stop shown before. */
export function Leave({ user }: { user: Account }) {
  const me = useMe();
  const queries = useQueryClient();
  const go = useNavigate();
  const [asked, ask] = useState<'disable' | 'delete' | null>(null);
  const act = useMutation({
    mutationFn: async (what: Act) => {
      const path = { params: { path: { user: user.name } } };
      if (what === 'delete') await api.DELETE('/users/{user}', path);
      else await body(api.PATCH('/users/{user}', { ...path, body: some<AccountUpdate>({ version: user.version, enabled: what === 'enable' }) }));
    },
    onSuccess: (_, what) => {
      ask(null);
      if (what === 'delete') void go('/admin/users', UNASKED);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['users'] }),
  });
  if (user.name === me.name) return <Section title={words.end}><p className="small">{words.cannotSelf}</p></Section>;
  const close = () => {
    ask(null);
    act.reset();
  };
  return (
    <Section title={words.end}>
      <div className="deleteRow"><p className="small">{user.enabled ? words.disableHelp : words.enableHelp}</p>
        {user.enabled ? <Button onClick={() => ask('disable')}>{words.disable}</Button> : <Button loading={act.isPending} onClick={() => act.mutate('enable')}>{words.enable}</Button>}
      </div>
      {act.error && asked === null && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(act.error).message}</p>}
      <div className="deleteRow"><p className="small">{words.deleteHelp}</p><Button danger onClick={() => ask('delete')}>{words.delete}</Button></div>
      <Confirm open={asked === 'disable'} title={words.disableAsk(user.name)} go={words.disableGo} keep={words.keep} pending={act.isPending} error={act.error} onGo={() => act.mutate('disable')} onClose={close}><Ends user={user.name} also={words.also} /></Confirm>
      <Confirm open={asked === 'delete'} title={words.deleteAsk(user.name)} name={user.name} go={words.deleteGo} keep={words.keep} pending={act.isPending} error={act.error} onGo={() => act.mutate('delete')} onClose={close}><p>{words.deleteHelp}</p><Ends user={user.name} also={words.alsoDelete} /></Confirm>
    </Section>
  );
}

function Ends({ user, also }: { user: string; also: string }) {
  const { data, isError } = useQuery(admin.running(user));
  return (
    <>
      <p>{data?.length === 0 ? words.endsNothing : words.ends}</p>
      {!data && (isError ? <p className="warnText">{words.endsUnknown}</p> : <Waiting><Bones rows={1} widths={[60]} /></Waiting>)}
      {data && data.length > 0 && <ul className="helps">{data.map((thing) => <li key={thing.id}>{words.thing(words.kinds[thing.kind] ?? thing.kind, thing.name, thing.group)}, <Ago at={thing.since} /></li>)}</ul>}
      <p>{also}</p>
    </>
  );
}
