import { useQueryClient } from '@tanstack/react-query';
import { Input, Radio } from 'antd';
import { useMemo } from 'react';
import { Link } from 'react-router';
import { api, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Me, MeUpdate } from '../../api/types';
import { hub } from '../../lib/base';
import { nameOf, useMe } from '../../lib/session';
import { useTheme } from '../../lib/theme-context';
import type { Choice } from '../../lib/theme-mode';
import { Field } from '../../parts/Field';
import { useForm, type Words } from '../../parts/form/form';
import { Leaving } from '../../parts/form/Leaving';
import { SaveLine } from '../../parts/form/SaveLine';
import { Page } from '../../parts/page';
import { t } from '../../text';
import { g } from '../../text/groups';
import { Secrets } from '../group/Secrets';

const EMAIL = /^$|^[^@\s]+@[^@\s]+\.[^@\s]+$/;

type Draft = Pick<Me, 'display_name' | 'email'>;
const labels: Words<Draft> = { display_name: { label: t.profile.displayName }, email: { label: t.profile.email } };
const check = ({ email }: Draft) => ({ email: EMAIL.test(email) ? undefined : t.profile.emailBad });

/** What others see of the person. */
function You() {
  const me = useMe();
  const queries = useQueryClient();
  const saved = useMemo<Draft>(() => ({ display_name: me.display_name, email: me.email }), [me.display_name, me.email]);
  const form = useForm<Draft, Me>({
    saved, words: labels, check,
    save: async (draft, changed) => {
      const fields = Object.fromEntries(changed.map((key) => [key, draft[key]]));
      try {
        return await body(api.PATCH('/me', { body: { version: me.version, ...fields } as MeUpdate }));
      } catch (error) {
        void queries.invalidateQueries({ queryKey: ['me'] });
        throw error;
      }
    },
    onSaved: (answer) => queries.setQueryData(ask.me().queryKey, answer),
  });
  return (
    <form className="fields" noValidate onSubmit={(event) => {
      event.preventDefault();
      form.submit();
    }}>
      <Leaving changes={form.unsaved} />
      <Field label={t.profile.displayName} help={t.profile.displayNameHelp} error={form.error('display_name')} optional>
        {(ids) => <Input {...ids} value={form.draft.display_name} maxLength={100} autoComplete="name" onChange={(e) => form.set({ display_name: e.target.value })} />}
      </Field>
      <Field label={t.profile.email} help={t.profile.emailHelp} error={form.error('email')} optional>
        {(ids) => <Input {...ids} value={form.draft.email} type="text" inputMode="email" autoComplete="email" onChange={(e) => form.set({ email: e.target.value })} />}
      </Field>
      <SaveLine form={form} go={t.profile.save} />
    </form>
  );
}

export default function Profile() {
  const me = useMe();
  const { choice, choose } = useTheme();
  return (
    <Page title={t.profile.title} lead={t.profile.lead(me.name)}>
      <div className="sections">
        <section>
          <div><h2>{t.profile.you}</h2><p>{t.profile.youWhy}</p></div>
          <You />
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
