import { useMutation, useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert, Send } from 'lucide-react';
import { useState } from 'react';
import { admin, type Account } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
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
  const temporary = useMutation({ mutationFn: () => body(api.POST('/users/{user}/password-reset', { params: { path: { user: user.name } } })), onSuccess: () => ask(false) });
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
      <Confirm open={asked} title={words.tempAsk(user.name)} go={words.tempGo} keep={words.keep} pending={temporary.isPending} error={temporary.error} onGo={() => temporary.mutate()} onClose={() => ask(false)}><p>{words.tempLose}</p></Confirm>
      {link.data && <MadeLink title={words.linkMade} made={link.data} onClose={() => link.reset()} />}
      {temporary.data && <Once title={words.tempMade} value={temporary.data.password} onClose={() => temporary.reset()} />}
    </Section>
  );
}
