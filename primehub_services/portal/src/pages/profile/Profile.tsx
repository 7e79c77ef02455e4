import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Radio } from 'antd';
import { CircleAlert, CircleCheck } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import { hub } from '../../lib/base';
import { nameOf, useMe } from '../../lib/session';
import { useTheme } from '../../lib/theme-context';
import type { Choice } from '../../lib/theme-mode';
import { Field } from '../../parts/Field';
import { beside, saidOf, toFirstError } from '../../parts/form/form';
import { Leaving } from '../../parts/form/Leaving';
import { Page } from '../../parts/page';
import { t } from '../../text';
import { g } from '../../text/groups';
import { Secrets } from '../group/Secrets';

const EMAIL = /^$|^[^@\s]+@[^@\s]+\.[^@\s]+$/;

export default function Profile() {
  const me = useMe();
  const queries = useQueryClient();
  const { choice, choose } = useTheme();
  const [displayName, setDisplayName] = useState(me.display_name);
  const [email, setEmail] = useState(me.email);
  const save = useMutation({
    mutationFn: () => body(api.PATCH('/me', { body: { version: me.version, display_name: displayName, email } })),
    onSuccess: (saved) => {
      queries.setQueryData(ask.me().queryKey, saved);
      setDisplayName(saved.display_name);
      setEmail(saved.email);
    },
    onError: () => queries.invalidateQueries({ queryKey: ['me'] }),
  });
  const problem = save.error ? asProblem(save.error) : null;
  const changes = Number(displayName !== me.display_name) + Number(email !== me.email);
  const changed = changes > 0;
  const badEmail = EMAIL.test(email) ? saidOf(problem, 'email') : t.profile.emailBad;
  const other = beside(problem, ['email', 'display_name']);
  return (
    <Page title={t.profile.title} lead={t.profile.lead(me.name)}>
      <Leaving changes={save.isPending ? 0 : changes} />
      <div className="sections">
        <section>
          <div><h2>{t.profile.you}</h2><p>{t.profile.youWhy}</p></div>
          <form className="fields" onSubmit={(event) => {
            event.preventDefault();
            if (EMAIL.test(email)) save.mutate();
            else toFirstError();
          }}>
            <Field label={t.profile.displayName} help={t.profile.displayNameHelp} error={saidOf(problem, 'display_name')} optional>
              {(ids) => <Input {...ids} value={displayName} maxLength={100} autoComplete="name" onChange={(e) => setDisplayName(e.target.value)} />}
            </Field>
            <Field label={t.profile.email} help={t.profile.emailHelp} error={badEmail} optional>
              {(ids) => <Input {...ids} value={email} type="text" inputMode="email" autoComplete="email" onChange={(e) => setEmail(e.target.value)} />}
            </Field>
            <div>
              <div className="saveRow">
                <Button type="primary" htmlType="submit" loading={save.isPending} disabled={!changed}>{t.profile.save}</Button>
                <span role="status" className="small">{save.isSuccess && !changed && <span className="why"><CircleCheck size={14} aria-hidden />{t.profile.saved}</span>}</span>
              </div>
              {other !== '' && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{problem?.status === 409 && problem.errors.length === 0 ? t.profile.conflict : `${t.profile.failed}. ${other}`}</p>}
            </div>
          </form>
        </section>
        <section>
          <div><h2>{t.profile.groups}</h2><p>{t.profile.groupsWhy}</p></div>
          <div className="fields">
            {me.groups.length === 0 ? <p className="small">{t.noGroup.title}</p> : (
              <ul className="plain">
                {me.groups.map((g) => <li key={g.group}><Link to={`/g/${g.group}/home`}>{nameOf(g)}</Link><span className="muted">{t.profile.role[g.role]}</span></li>)}
              </ul>
            )}
          </div>
        </section>
        <section>
          <div><h2>{g.secrets.title}</h2><p>{g.secrets.ownWhy}</p></div>
          <div className="fields"><Secrets group={null} /></div>
        </section>
        <section>
          <div><h2>{t.profile.password}</h2></div>
          <div className="fields"><p className="small">{me.local ? <>{t.profile.passwordLocal} <a href={hub.changePassword}>{t.shell.password}</a></> : t.profile.passwordProvider}</p></div>
        </section>
        <section>
          <div><h2>{t.profile.look}</h2></div>
          <div className="fields">
            <Radio.Group aria-label={t.shell.theme} value={choice} onChange={(e) => choose(e.target.value as Choice)}
              options={(['system', 'light', 'dark'] as const).map((theme) => ({ value: theme, label: t.shell.themes[theme] }))} />
          </div>
        </section>
      </div>
    </Page>
  );
}
