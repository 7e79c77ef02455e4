import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Input, Radio } from 'antd';
import { CircleAlert, CircleCheck, Send } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Notifications as Settings } from '../../api/types';
import { Field } from '../../parts/Field';
import { beside, saidOf } from '../../parts/form/form';
import { Leaving } from '../../parts/form/Leaving';
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

function Form({ settings }: { settings: Settings }) {
  const queries = useQueryClient();
  const [draft, setDraft] = useState<Draft>({
    email: settings.email, webhook: settings.webhook, webhook_url: settings.webhook_url, jobs: settings.jobs, recurring: settings.recurring, secret: '',
  });
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const save = useMutation({
    mutationFn: () => {
      const { secret, ...wanted } = draft;
      return body(api.PUT('/me/notifications', { body: { ...wanted, webhook_secret: secret === '' ? null : secret } }));
    },
    onSuccess: (saved) => {
      queries.setQueryData(ask.notifications().queryKey, { ...saved, webhook_secret: null });
      change({ secret: '' });
    },
  });
  const test = useMutation({ mutationFn: () => body(api.POST('/me/notifications/test')) });
  const problem = save.error ? asProblem(save.error) : null;
  const { secret, ...wanted } = draft;
  const changes = Number(secret !== '') + (Object.keys(wanted) as (keyof typeof wanted)[]).filter((key) => wanted[key] !== settings[key]).length;
  const changed = changes > 0;
  const other = beside(problem, ['email', 'webhook_url', 'webhook_secret']);
  return (
    <form className="sections" onSubmit={(event) => {
      event.preventDefault();
      save.mutate();
    }}>
      <Leaving changes={save.isPending ? 0 : changes} />
      <section>
        <div><h2>{words.what}</h2><p>{words.whatWhy}</p></div>
        <div className="fields">
          <div className="field">
            <span className="label">{words.jobs}</span>
            <Radio.Group aria-label={words.jobs} value={draft.jobs} onChange={({ target }: { target: { value?: Draft['jobs'] } }) => change({ jobs: target.value! })}
              options={(['none', 'failed', 'all'] as const).map((value) => ({ value, label: words.ends[value] }))} />
          </div>
          <Checkbox checked={draft.recurring} onChange={(event) => change({ recurring: event.target.checked })}>{words.recurring}</Checkbox>
        </div>
      </section>
      <section>
        <div><h2>{words.email}</h2></div>
        <div className="fields">
          {settings.address === '' ? <p className="small">{words.emailNoAddress} <Link to="/profile">{t.shell.profile}</Link></p>
            : <Checkbox disabled={!settings.email_available && !draft.email} checked={draft.email} onChange={(event) => change({ email: event.target.checked })}>{words.emailOn(settings.address)}</Checkbox>}
          {!settings.email_available && <p className="small">{words.emailNone}</p>}
          {saidOf(problem, 'email') && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{saidOf(problem, 'email')}</p>}
        </div>
      </section>
      <section>
        <div><h2>{words.webhook}</h2><p>{words.webhookWhy}</p></div>
        <div className="fields">
          <Checkbox checked={draft.webhook} onChange={({ target }) => change(target.checked ? { webhook: true } : { webhook: false, webhook_url: settings.webhook_url })}>{words.webhookOn}</Checkbox>
          {draft.webhook && (
            <>
              <Field label={words.url} help={words.urlHelp} error={saidOf(problem, 'webhook_url')}>
                {(ids) => <Input {...ids} type="text" inputMode="url" autoComplete="off" spellCheck={false} value={draft.webhook_url} onChange={(event) => change({ webhook_url: event.target.value.trim() })} />}
              </Field>
              <Field label={words.secret} help={words.secretHelp} error={saidOf(problem, 'webhook_secret')} optional>
                {(ids) => <Input.Password {...ids} autoComplete="new-password" value={draft.secret} onChange={(event) => change({ secret: event.target.value })} />}
              </Field>
            </>
          )}
          {save.data?.webhook_secret && <div className="hint ok" role="status"><span>{words.made} <code>{save.data.webhook_secret}</code></span></div>}
        </div>
      </section>
      <section>
        <div />
        <div className="fields">
          <div className="saveRow">
            <Button type="primary" htmlType="submit" loading={save.isPending} disabled={!changed}>{words.save}</Button>
            <Button icon={<Send size={14} aria-hidden />} loading={test.isPending} disabled={changed || !(settings.email || settings.webhook)} onClick={() => test.mutate()}>{words.test}</Button>
            <span role="status" className="small">{save.isSuccess && !changed && <span className="why"><CircleCheck size={14} aria-hidden />{words.saved}</span>}</span>
          </div>
          {other !== '' && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{other}</p>}
          {test.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(test.error).message}</p>}
          <ul className="plain" role="status">
            {test.data?.deliveries.map((d) => <li key={d.channel}>{d.sent ? words.tested.sent(channelName(d.channel)) : words.tested.failed(channelName(d.channel), d.message)}</li>)}
          </ul>
        </div>
      </section>
    </form>
  );
}
