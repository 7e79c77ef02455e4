import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Input, Radio } from 'antd';
import { CircleAlert, Send } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Notifications as Settings } from '../../api/types';
import { Field } from '../../parts/Field';
import { useForm, type Words } from '../../parts/form/form';
import { Leaving } from '../../parts/form/Leaving';
import { SaveLine } from '../../parts/form/SaveLine';
import { Bones, Failure, Page, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';

export default function Notifications() {
  const settings = useQuery(ask.notifications());
  return (
    <Page title={t.notifications.title} lead={t.notifications.lead}>
      {settings.data ? <Form settings={settings.data} />
        : settings.error ? <Panel><Failure error={settings.error} what={t.notifications.failed} onRetry={() => void settings.refetch()} /></Panel>
          : <Waiting><Bones rows={6} widths={[60]} /></Waiting>}
    </Page>
  );
}

type Draft = Pick<Settings, 'email' | 'webhook' | 'webhook_url' | 'jobs' | 'recurring'> & { secret: string };
const words = t.notifications;
const channelName = (channel: string) => (channel === 'email' ? words.email : words.webhook);
const onOff = (on: boolean) => (on ? t.notebook.facts.on : t.notebook.facts.off);
const labels: Words<Draft> = {
  email: { label: words.email, show: onOff }, webhook: { label: words.webhook, show: onOff }, webhook_url: { label: words.url },
  jobs: { label: words.jobs, show: (value) => words.ends[value] }, recurring: { label: words.recurring, show: onOff },
  secret: { label: words.secret, field: 'webhook_secret' },
};
const draftOf = ({ email, webhook, webhook_url, jobs, recurring }: Settings): Draft => ({ email, webhook, webhook_url, jobs, recurring, secret: '' });

const Wrong = ({ children }: { children: string | undefined }) => children && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{children}</p>;

function Form({ settings }: { settings: Settings }) {
  const queries = useQueryClient();
  const [made, setMade] = useState<string | null>(null);
  const saved = useMemo(() => draftOf(settings), [settings]);
  const form = useForm<Draft, Settings>({
    saved, words: labels,
    save: ({ secret, ...wanted }) => body(api.PUT('/me/notifications', { body: { ...wanted, webhook_secret: secret === '' ? null : secret } })),
    onSaved: (answer) => {
      setMade(answer.webhook_secret);
      queries.setQueryData(ask.notifications().queryKey, { ...answer, webhook_secret: null });
    },
  });
  const test = useMutation({ mutationFn: () => body(api.POST('/me/notifications/test')) });
  const { draft, set } = form;
  return (
    <form className="sections" noValidate onSubmit={(event) => {
      event.preventDefault();
      form.submit();
    }}>
      <Leaving changes={form.unsaved} />
      <section>
        <div><h2>{words.what}</h2><p>{words.whatWhy}</p></div>
        <div className="fields">
          <div className="field">
            <span className="label">{words.jobs}</span>
            <Radio.Group aria-label={words.jobs} value={draft.jobs} onChange={({ target }: { target: { value?: Draft['jobs'] } }) => set({ jobs: target.value! })}
              options={(['none', 'failed', 'all'] as const).map((value) => ({ value, label: words.ends[value] }))} />
          </div>
          <Wrong>{form.error('jobs')}</Wrong>
          <Checkbox checked={draft.recurring} onChange={(event) => set({ recurring: event.target.checked })}>{words.recurring}</Checkbox>
          <Wrong>{form.error('recurring')}</Wrong>
        </div>
      </section>
      <section>
        <div><h2>{words.email}</h2></div>
        <div className="fields">
          {settings.address === '' ? <p className="small">{words.emailNoAddress} <Link to="/profile">{t.shell.profile}</Link></p>
            : <Checkbox disabled={!settings.email_available && !draft.email} checked={draft.email} onChange={(event) => set({ email: event.target.checked })}>{words.emailOn(settings.address)}</Checkbox>}
          {!settings.email_available && <p className="small">{words.emailNone}</p>}
          <Wrong>{form.error('email')}</Wrong>
        </div>
      </section>
      <section>
        <div><h2>{words.webhook}</h2><p>{words.webhookWhy}</p></div>
        <div className="fields">
          <Checkbox checked={draft.webhook} onChange={({ target }) => set(target.checked ? { webhook: true } : { webhook: false, webhook_url: settings.webhook_url })}>{words.webhookOn}</Checkbox>
          <Wrong>{form.error('webhook')}</Wrong>
          {draft.webhook && (
            <>
              <Field label={words.url} help={words.urlHelp} error={form.error('webhook_url')}>
                {(ids) => <Input {...ids} type="text" inputMode="url" autoComplete="off" spellCheck={false} value={draft.webhook_url} onChange={(event) => set({ webhook_url: event.target.value.trim() })} />}
              </Field>
              <Field label={words.secret} help={words.secretHelp} error={form.error('secret')} optional>
                {(ids) => <Input.Password {...ids} autoComplete="new-password" value={draft.secret} onChange={(event) => set({ secret: event.target.value })} />}
              </Field>
            </>
          )}
          {made && <div className="hint ok" role="status"><span>{words.made} <code>{made}</code></span></div>}
        </div>
      </section>
      <section>
        <div />
        <div className="fields">
          <SaveLine form={form} go={words.save}>
            <Button icon={<Send size={14} aria-hidden />} loading={test.isPending} disabled={form.changed.length > 0 || !(settings.email || settings.webhook)} onClick={() => test.mutate()}>{words.test}</Button>
          </SaveLine>
          <Wrong>{test.error ? asProblem(test.error).message : undefined}</Wrong>
          <ul className="plain" role="status">
            {test.data?.deliveries.map((d) => <li key={d.channel}>{d.sent ? words.tested.sent(channelName(d.channel)) : words.tested.failed(channelName(d.channel), d.message)}</li>)}
          </ul>
        </div>
      </section>
    </form>
  );
}
