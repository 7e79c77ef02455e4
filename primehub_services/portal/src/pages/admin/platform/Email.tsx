import { useMutation, useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert, CircleCheck, Send } from 'lucide-react';
import { admin } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import { useMe } from '../../../lib/session';
import { Section } from '../../../parts/form/FormPage';
import { told } from '../../../parts/form/form';
import { Bones, Facts, Failure, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';

const words = a.settings;

/** Through which server e-mail goes, and a try of it. */
export function Email() {
  const me = useMe();
  const email = useQuery(admin.email());
  const test = useMutation({ mutationFn: () => body(api.POST('/email/test')) });
  const mail = email.data;
  return (
    <Section title={words.email} why={words.emailWhy}>
      {email.error && !mail ? <Failure error={email.error} what={words.emailFailed} onRetry={() => void email.refetch()} />
        : !mail ? <Waiting><Bones rows={3} widths={[60]} /></Waiting>
          : !mail.available ? <div className="small"><p><b>{words.emailNone}</b></p><p>{words.emailHow}</p></div>
            : (
              <>
                <Facts rows={[[words.host, `${mail.host}:${mail.port}`], [words.sender, mail.sender], [words.security, words.securities[mail.security] ?? mail.security], [words.username, mail.username || words.anonymous]]} />
                <div className="saveRow">
                  <Button icon={<Send size={14} aria-hidden />} disabled={me.email === ''} loading={test.isPending} onClick={() => test.mutate()}>{words.test}</Button>
                  <span className="small muted">{me.email === '' ? words.testNoAddress : words.testTo(me.email)}</span>
                </div>
                <div role="status">{test.data?.deliveries.map((d) => (
                  <p key={d.channel} className="small">{d.sent ? <span className="why"><CircleCheck size={14} aria-hidden />{words.sent(me.email)}</span> : d.message ? <span className="bad">{words.notSent(d.message)}</span> : words.sending}</p>
                ))}</div>
                {test.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{wrong(test.error)}</p>}
              </>
            )}
    </Section>
  );
}

function wrong(error: unknown): string {
  const problem = asProblem(error);
  return problem.errors[0] ? told(problem.errors[0]) : problem.message;
}
