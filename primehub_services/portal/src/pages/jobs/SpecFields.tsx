import { useQuery } from '@tanstack/react-query';
import { ConfigProvider, Select } from 'antd';
import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { ask } from '../../api/queries';
import type { BudgetLine, LaunchOptions } from '../../api/types';
import { ImageChoices, TypeChoices } from '../../launch/Choices';
import { EnvEditor } from '../../launch/EnvEditor';
import { rowErrors } from '../../launch/env';
import { NumberField, TextField, TimeoutField } from '../../parts/form/fields';
import type { Fields } from '../../parts/form/form';
import { Empty, Panel } from '../../parts/page';
import { t } from '../../text';
import { choiceErrors, parameterErrors, secretErrors, type Draft } from './spec';

type Props = { form: Fields<Draft>; options: LaunchOptions; budgets: readonly BudgetLine[] };

/** What a job is, for the forms of jobs and of recurring jobs; `name` is its field, where it has its own, and `locked` fields are to be read alone. */
export function SpecFields({ locked = false, name, ...props }: Props & { locked?: boolean; name?: ReactNode }) {
  return (
    <ConfigProvider componentDisabled={locked}>
      <fieldset className="formCol plain" disabled={locked} aria-label={t.jobs.what}>
        <What {...props} name={name} />
        <Where {...props} />
        <More {...props} />
      </fieldset>
    </ConfigProvider>
  );
}

function What({ form, name }: Props & { name: ReactNode }) {
  const { notebook, parameters } = form.draft;
  return (
    <Panel title={t.jobs.what}>
      <div className="fields wide">
        {name}
        {notebook ? (
          <>
            <p>{t.jobs.notebookOf(notebook.path)}</p>
            <Rows form={form} name="parameters" errors={parameterErrors(parameters)} help={t.jobs.parametersHelp}>
              {(errors) => <EnvEditor rows={parameters} errors={errors} words={t.jobs.parameterRows} onChange={(rows) => form.set({ parameters: rows })} />}
            </Rows>
          </>
        ) : <TextField form={form} name="command" help={t.jobs.commandHelp} lines={6} mono max={1_000_000} placeholder="python train.py" />}
        <p className="small">{t.jobs.whatWhy}</p>
      </div>
    </Panel>
  );
}

function Where({ form, options, budgets }: Props) {
  const { type, image } = form.draft;
  const size = options.instance_types.find((x) => x.slug === type) ?? null;
  // what an older job had may be gone by now: that is said before anybody touches it
  const gone = choiceErrors(form.draft, options);
  return (
    <>
      <Panel title={t.notebook.type}>
        {options.instance_types.length === 0 ? <Empty title={t.notebook.noTypes}>{t.notebook.noTypesWhy}</Empty>
          : <TypeChoices types={options.instance_types} chosen={type} last={options.defaults.instance_type} budgets={budgets} onPick={(slug) => form.set({ type: slug })} />}
        <Wrongly focusable>{form.error('type') ?? (type !== null && gone.type)}</Wrongly>
      </Panel>
      <Panel title={t.notebook.image}>
        {options.images.length === 0 ? <Empty title={t.notebook.noImages}>{t.notebook.noImagesWhy}</Empty>
          : <ImageChoices images={options.images} type={size} chosen={image} last={options.defaults.image} onPick={(slug) => form.set({ image: slug })} />}
        <Wrongly focusable>{form.error('image') ?? (image !== null && gone.image)}</Wrongly>
      </Panel>
    </>
  );
}

function More({ form, options }: Props) {
  const { env, secrets } = form.draft;
  const { data: group } = useQuery(ask.group(options.group));
  const { data: platform } = useQuery(ask.settings());
  return (
    <Panel title={t.jobs.more}>
      <div className="fields wide">
        <TimeoutField form={form} name="timeout" inherited={t.jobs.asGroup} platform={group?.job_timeout ?? platform?.job_timeout} help={t.jobs.timeoutHelp} />
        <NumberField form={form} name="retries" unit={t.jobs.times} help={t.jobs.retriesHelp} />
        <Rows form={form} name="env" errors={rowErrors(env)}>
          {(errors) => <EnvEditor rows={env} errors={errors} onChange={(rows) => form.set({ env: rows })} />}
        </Rows>
        <Rows form={form} name="secrets" errors={secretErrors(secrets)} help={t.jobs.secretsHelp}>
          {(errors) => <Secrets form={form} group={options.group} errors={errors} />}
        </Rows>
      </div>
    </Panel>
  );
}

/** Where there is no field to go to, saving goes to the words themselves. */
function Wrongly({ focusable = false, children }: { focusable?: boolean; children: string | false | undefined }) {
  return children ? <p className="err" role="alert" tabIndex={focusable ? -1 : undefined}><CircleAlert size={14} aria-hidden />{children}</p> : null;
}

/** A field of many rows: what is wrong with one stands at it, what the platform says of them below all. */
function Rows({ form, name, errors, help, children }: {
  form: Fields<Draft>; name: keyof Draft; errors: string[]; help?: string; children: (errors: string[]) => ReactNode;
}) {
  return (
    <div className="field">
      <span className="label">{form.words[name].label}</span>
      {children(errors)}
      <Wrongly>{!errors.some(Boolean) && form.error(name)}</Wrongly>
      {help && <p className="help">{help}</p>}
    </div>
  );
}

function Secrets({ form, group, errors }: { form: Fields<Draft>; group: string; errors: string[] }) {
  const secrets = useQuery(ask.envSecrets(group));
  const rows = form.draft.secrets;
  const choices = secrets.data?.items.map((secret) => ({ value: secret.slug, label: secret.name })) ?? [];
  const none = secrets.data ? t.jobs.secretNone
    : secrets.isError ? <>{t.jobs.secretsFailed} <button type="button" className="linkish" onClick={() => void secrets.refetch()}>{t.error.tryNow}</button></> : t.page.loading;
  return (
    <EnvEditor rows={rows} errors={rowErrors(rows)} valueErrors={errors} words={t.jobs.secretRows} instead={choices.length > 0 || rows.length > 0 ? undefined : <p className="help">{none}</p>} onChange={(next) => form.set({ secrets: next })}
      value={(row, given) => <Select className="envValue" placeholder={t.jobs.secretChoose} value={row.value || undefined} options={choices} {...given} />} />
  );
}
