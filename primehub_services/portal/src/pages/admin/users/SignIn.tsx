import { useMutation, useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert, Send } from 'lucide-react';
import { useState } from 'react';
import { admin, type Account } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import { useFocusBack } from '../../../lib/focus-back';
import { useMe } from '../../../lib/session';
import { Confirm } from '../../../parts/form/Confirm';
import { Section } from '../../../parts/form/FormPage';
import { a } from '../../../text/admin';
import { Once } from '../parts/Once';
import { MadeLink } from './MadeLink';

const words = a.users;

/** A link or a temporary password, for somebody who cannot sign in. */
export function SignIn({ user }: { user: Account }) {
  const me = useMe();
  const [asked, ask] = useState(false);
  const mail = useQuery(admin.email());
  const link = useMutation({ mutationFn: (send: boolean) => body(api.POST('/invitations', { body: { user: user.name, group: null, role: 'member', expires_in: 86_400, send, address: '' } })) });
  const temporary = useMutation({ mutationFn: () => body(api.POST('/users/{user}/password-reset', { params: { path: { user: user.name } } })) });
  if (user.issuer === 'local' && !me.local_accounts) return <Section title={words.password}><p className="small">{words.cannotSignIn}</p></Section>;
  if (user.issuer !== 'local') return <Section title={words.password}><p className="small">{words.provider(user.issuer)}</p></Section>;
  return (
    <Section title={words.password}>
      <div className="deleteRow">
        <p className="small">{words.linkHelp} {mail.data?.available && (user.email ? words.sendTo(user.email) : words.sendNoAddress)}</p>
        <div className="deleteRowActs">
          {mail.data?.available && user.email && <Button icon={<Send size={14} aria-hidden />} disabled={link.isPending && !link.variables} loading={link.isPending && link.variables} onClick={() => link.mutate(true)}>{words.send}</Button>}
          <Button disabled={link.isPending && link.variables} loading={link.isPending && !link.variables} onClick={() => link.mutate(false)}>{words.link}</Button>
        </div>
      </div>
      {link.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(link.error).message}</p>}
      <div className="deleteRow"><p className="small">{words.tempHelp}</p><Button onClick={() => ask(true)}>{words.temp}</Button></div>
      {(asked || temporary.data) && (
        <Temporary name={user.name} password={temporary.data?.password} pending={temporary.isPending} error={temporary.error} onGo={() => temporary.mutate()} onClose={() => {
          ask(false);
          // one that is on its way is shown all the same: the one before is gone by then
          if (!temporary.isPending) temporary.reset();
        }} />
      )}
      {link.data && <MadeLink title={words.linkMade} made={link.data} onClose={() => link.reset()} />}
    </Section>
  );
}

/** Asks first, then shows it: two dialogs, after which the focus is where it was before both. */
function Temporary({ name, password, pending, error, onGo, onClose }: { name: string; password: string | undefined; pending: boolean; error: unknown; onGo: () => void; onClose: () => void }) {
  useFocusBack();
  if (password !== undefined) return <Once title={words.tempMade} value={password} onClose={onClose} />;
  return <Confirm open title={words.tempAsk(name)} go={words.tempGo} keep={words.keep} pending={pending} error={error} onGo={onGo} onClose={onClose}><p>{words.tempLose}</p></Confirm>;
}
