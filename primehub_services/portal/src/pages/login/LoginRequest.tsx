import { useMutation, useQuery } from '@tanstack/react-query';
import { Button, Input } from 'antd';
import { CircleAlert } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import { about } from '../../lib/format';
import { Field } from '../../parts/Field';
import { Bones, Failure, Waiting } from '../../parts/page';
import { useTitle } from '../../parts/title';
import { SignedOut } from '../../shell/Wholes';
import { t } from '../../text';

/** Approving the sign-in of the `primehub` command: its own page, without menu, for one decision. */
export default function LoginRequest() {
  const [query, setQuery] = useSearchParams();
  const code = (query.get('code') ?? '').trim().toUpperCase();
  const me = useQuery(ask.me());
  useTitle(t.login.title);
  if (me.error && asProblem(me.error).status === 401) return <SignedOut />;
  return (
    <main className="bare">
      <div className="card">
        {(me.error || !me.data) && <Titled />}
        {me.error ? <Failure error={me.error} what={t.error.noAnswer} onRetry={() => void me.refetch()} />
          : !me.data ? <Waiting><Bones rows={4} /></Waiting>
            : code === '' ? <AskCode onCode={(value) => setQuery({ code: value })} />
              : <Decide key={code} code={code} user={me.data.name} onAnother={() => setQuery({})} />}
      </div>
    </main>
  );
}

const Titled = () => <h1>{t.login.title}</h1>;

const Told = ({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) => (
  <div className="state" role="status"><h1>{title}</h1><p>{children}</p>{action}</div>
);

function AskCode({ onCode }: { onCode: (code: string) => void }) {
  const [value, setValue] = useState('');
  return (
    <form className="fields" onSubmit={(event) => {
      event.preventDefault();
      if (value.trim()) onCode(value.trim());
    }}>
      <div><h1>{t.login.title}</h1><p className="small">{t.login.lead}</p></div>
      <Field label={t.login.codeEnter}>{(ids) => <Input {...ids} autoFocus size="large" className="mono" autoComplete="off" spellCheck={false} value={value} onChange={(e) => setValue(e.target.value)} />}</Field>
      <div><Button type="primary" htmlType="submit">{t.login.codeNext}</Button></div>
    </form>
  );
}

function Decide({ code, user, onAnother }: { code: string; user: string; onAnother: () => void }) {
  const request = useQuery(ask.loginRequest(code));
  const decide = useMutation({
    mutationFn: (approve: boolean) => body(api.POST('/login-requests/{code}/approval', { params: { path: { code } }, body: { approve } })),
  });
  if (decide.isSuccess) {
    return decide.variables ? <Told title={t.login.approved}>{t.login.approvedWhy}</Told> : <Told title={t.login.denied}>{t.login.deniedWhy}</Told>;
  }
  if (request.error) {
    if (asProblem(request.error).status >= 500 || asProblem(request.error).status === 0) {
      return <><Titled /><Failure error={request.error} what={t.login.failed} onRetry={() => void request.refetch()} /></>;
    }
    return <Told title={t.login.gone} action={<Button onClick={onAnother}>{t.login.again}</Button>}>{t.login.goneWhy}</Told>;
  }
  if (!request.data) return <><Titled /><Waiting><Bones rows={5} /></Waiting></>;
  const { client, host, scopes, expires_in: lasts, state } = request.data;
  if (state === 'approved') return <Told title={t.login.approved}>{t.login.approvedWhy}</Told>;
  if (state === 'denied') return <Told title={t.login.denied}>{t.login.deniedWhy}</Told>;
  return (
    <>
      <h1>{t.login.title}</h1>
      <p className="small">{t.login.lead}</p>
      <dl className="facts">
        <div><dt>{t.login.code}</dt><dd><span className="code6">{code}</span><br /><span className="muted">{t.login.codeHelp}</span></dd></div>
        <div><dt>{t.login.client}</dt><dd>{client}</dd></div>
        <div><dt>{t.login.host}</dt><dd>{host || t.login.hostUnknown}</dd></div>
        <div><dt>{t.login.as}</dt><dd>{user}</dd></div>
        <div><dt>{t.login.scopes}</dt><dd><ul>{scopes.map((scope) => <li key={scope}>{t.tokens.scope[scope] ?? scope}</li>)}</ul></dd></div>
        <div><dt>{t.login.lasts}</dt><dd>{lasts >= 86_400 ? t.tokens.days(Math.round(lasts / 86_400)) : about(lasts)}</dd></div>
      </dl>
      {decide.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(decide.error).message}</p>}
      <div className="actions">
        <Button type="primary" loading={decide.isPending && decide.variables} onClick={() => decide.mutate(true)}>{t.login.approve}</Button>
        <Button loading={decide.isPending && !decide.variables} onClick={() => decide.mutate(false)}>{t.login.deny}</Button>
      </div>
    </>
  );
}
