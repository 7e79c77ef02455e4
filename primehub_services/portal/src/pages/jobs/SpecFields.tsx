import { useQuery } from '@tanstack/react-query';
import { Button, ConfigProvider, Input, InputNumber, Select, Space } from 'antd';
import { CircleAlert, Plus, X } from 'lucide-react';
import { Fragment } from 'react';
import type { Problem } from '../../api/client';
import { ask } from '../../api/queries';
import type { BudgetLine, LaunchOptions } from '../../api/types';
import { ImageChoices, TypeChoices } from '../../launch/Choices';
import { EnvEditor } from '../../launch/EnvEditor';
import type { Row } from '../../launch/env';
import { Field } from '../../parts/Field';
import { same } from '../../parts/form/draft';
import { told } from '../../parts/form/form';
import { Empty, Panel } from '../../parts/page';
import { t } from '../../text';
import { UNITS, type Draft, type Unit, type Wrong } from './spec';

type Props = {
  options: LaunchOptions; draft: Draft; wrong: Wrong; shown: boolean; problem: Problem | null;
  /** What the problem is about, where that is not what stands in the form now: a field that was changed since may be right. */
  sent?: Draft | null;
  budgets: readonly BudgetLine[]; named: boolean;
  onChange: (part: Partial<Draft>) => void;
};

/** What a job is, for the forms of jobs and of recurring jobs. `problem` is what the platform said is wrong; `locked` fields are to be read alone. */
export function SpecFields({ locked = false, ...props }: Props & { locked?: boolean }) {
  return (
    <ConfigProvider componentDisabled={locked}>
      <fieldset className="formCol plain" disabled={locked} aria-label={t.jobs.what}><Fields {...props} /></fieldset>
    </ConfigProvider>
  );
}

const FIELDS = {
  name: ['name'], command: ['command'], 'notebook.parameters': ['parameters'], timeout: ['timeout', 'unit'], retries: ['retries'], environment: ['env'], secrets: ['secrets'],
} as const satisfies Record<string, readonly (keyof Draft)[]>;

function Fields({ options, draft, wrong, shown, problem, sent, budgets, named, onChange }: Props) {
  const said = (field: keyof typeof FIELDS) => {
    const found = problem?.of(field) ?? problem?.of(`job.${field}`);
    const old = sent && FIELDS[field].some((key) => !same(sent[key], draft[key]));
    return found && !old ? told(found) : undefined;
  };
  const type = options.instance_types.find((x) => x.slug === draft.type) ?? null;
  return (
    <>
      <Panel title={t.jobs.what}>
        <div className="fields wide">
          {named && (
            <Field label={t.jobs.name} help={t.jobs.nameHelp} error={said('name')} optional>
              {(ids) => <Input {...ids} maxLength={100} value={draft.name} onChange={(event) => onChange({ name: event.target.value })} />}
            </Field>
          )}
          {draft.notebook ? (
            <>
              <p>{t.jobs.notebookOf(draft.notebook.path)}</p>
              <ParameterRows rows={draft.parameters} errors={wrong.parameters} said={said('notebook.parameters')} onChange={(parameters) => onChange({ parameters })} />
            </>
          ) : (
            <Field label={t.jobs.command} help={t.jobs.commandHelp} error={(shown && wrong.command) || said('command')}>
              {(ids) => (
                <Input.TextArea {...ids} className="mono" autoSize={{ minRows: 6, maxRows: 20 }} spellCheck={false} placeholder="python train.py" value={draft.command}
                  onChange={(event) => onChange({ command: event.target.value })} />
              )}
            </Field>
          )}
          <p className="small">{t.jobs.whatWhy}</p>
        </div>
      </Panel>
      <Panel title={t.notebook.type}>
        {options.instance_types.length === 0 ? <Empty title={t.notebook.noTypes}>{t.notebook.noTypesWhy}</Empty>
          : <TypeChoices types={options.instance_types} chosen={draft.type} last={options.defaults.instance_type} budgets={budgets} onPick={(slug) => onChange({ type: slug })} />}
        <Wrongly focusable>{(shown || draft.type !== null) && wrong.type}</Wrongly>
      </Panel>
      <Panel title={t.notebook.image}>
        {options.images.length === 0 ? <Empty title={t.notebook.noImages}>{t.notebook.noImagesWhy}</Empty>
          : <ImageChoices images={options.images} type={type} chosen={draft.image} last={options.defaults.image} onPick={(slug) => onChange({ image: slug })} />}
        <Wrongly focusable>{(shown || draft.image !== null) && wrong.image}</Wrongly>
      </Panel>
      <Panel title={t.jobs.more}>
        <div className="fields wide">
          <Field label={t.jobs.timeout} help={t.jobs.timeoutHelp} error={wrong.timeout || said('timeout')} optional>
            {(ids) => (
              <Space.Compact>
                <Input {...ids} inputMode="decimal" style={{ width: 120 }} value={draft.timeout} onChange={(event) => onChange({ timeout: event.target.value.trim() })} />
                <Select<Unit> aria-label={t.jobs.timeout} value={draft.unit} style={{ width: 110 }} onChange={(unit) => onChange({ unit })}
                  options={(Object.keys(UNITS) as Unit[]).map((unit) => ({ value: unit, label: t.jobs.units[unit] }))} />
              </Space.Compact>
            )}
          </Field>
          <Field label={t.jobs.retries} help={t.jobs.retriesHelp} error={said('retries')}>
            {(ids) => <InputNumber {...ids} min={0} max={10} precision={0} value={draft.retries} onChange={(value) => onChange({ retries: value ?? 0 })} />}
          </Field>
          <div className="field">
            <span className="label">{t.notebook.env}</span>
            <EnvEditor rows={draft.env} errors={wrong.env} onChange={(env) => onChange({ env })} />
            <Wrongly>{said('environment')}</Wrongly>
          </div>
          <SecretRows group={options.group} rows={draft.secrets} errors={wrong.secrets} said={said('secrets')} onChange={(secrets) => onChange({ secrets })} />
        </div>
      </Panel>
    </>
  );
}

/** Where there is no field to go to, saving goes to the words themselves. */
function Wrongly({ focusable = false, children }: { focusable?: boolean; children: string | false | undefined }) {
  return children ? <p className="err" role="alert" tabIndex={focusable ? -1 : undefined}><CircleAlert size={14} aria-hidden />{children}</p> : null;
}

function ParameterRows({ rows, errors, said, onChange }: { rows: Row[]; errors: string[]; said: string | undefined; onChange: (rows: Row[]) => void }) {
  const set = (at: number, part: Partial<Row>) => onChange(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  return (
    <div className="field">
      <span className="label">{t.jobs.parametersOf}</span>
      <div className="env">
        {rows.map((row, i) => (
          <Fragment key={i}>
            <Input className="mono" aria-label={t.jobs.parameterName(i + 1)} value={row.name} spellCheck={false} autoComplete="off"
              status={errors[i] ? 'error' : ''} aria-invalid={Boolean(errors[i])} onChange={(event) => set(i, { name: event.target.value.trim() })} />
            <Input className="mono envValue" aria-label={t.jobs.parameterValue(i + 1)} value={row.value} spellCheck={false} autoComplete="off"
              status={errors[i] ? 'error' : ''} onChange={(event) => set(i, { value: event.target.value })} />
            <Button className="envRemove" type="text" aria-label={t.jobs.parameterRemove(row.name)} icon={<X size={15} aria-hidden />} onClick={() => onChange(rows.filter((_, j) => j !== i))} />
            <Wrongly>{errors[i]}</Wrongly>
          </Fragment>
        ))}
      </div>
      <Wrongly>{said}</Wrongly>
      <div className="envFoot"><Button type="text" icon={<Plus size={15} aria-hidden />} onClick={() => onChange([...rows, { name: '', value: '' }])}>{t.jobs.parameterAdd}</Button></div>
      <p className="help">{t.jobs.parametersHelp}</p>
    </div>
  );
}

function SecretRows({ group, rows, errors, said, onChange }: {
  group: string; rows: Row[]; errors: string[]; said: string | undefined; onChange: (rows: Row[]) => void;
}) {
  const secrets = useQuery(ask.envSecrets(group));
  const set = (at: number, part: Partial<Row>) => onChange(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  const choices = secrets.data?.items.map((secret) => ({ value: secret.slug, label: secret.name })) ?? [];
  return (
    <div className="field">
      <span className="label">{t.jobs.secrets}</span>
      <div className="env">
        {rows.map((row, i) => (
          <Fragment key={i}>
            <Input className="mono" aria-label={t.jobs.secretName(i + 1)} placeholder={t.notebook.envNamePlaceholder} value={row.name} spellCheck={false} autoComplete="off"
              status={errors[i] ? 'error' : ''} onChange={(event) => set(i, { name: event.target.value.trim() })} />
            <Select className="envValue" aria-label={t.jobs.secretRef(i + 1)} placeholder={t.jobs.secretChoose} value={row.value || undefined} options={choices} onChange={(value: string) => set(i, { value })} />
            <Button className="envRemove" type="text" aria-label={t.notebook.envRemove(row.name)} icon={<X size={15} aria-hidden />} onClick={() => onChange(rows.filter((_, j) => j !== i))} />
            {errors[i] && <p className="err"><CircleAlert size={14} aria-hidden />{errors[i]}</p>}
          </Fragment>
        ))}
      </div>
      <Wrongly>{said}</Wrongly>
      <div className="envFoot">
        {choices.length > 0 || rows.length > 0
          ? <Button type="text" icon={<Plus size={15} aria-hidden />} onClick={() => onChange([...rows, { name: '', value: '' }])}>{t.jobs.secretAdd}</Button>
          : <p className="help">{secrets.data ? t.jobs.secretNone : secrets.isError ? <>{t.jobs.secretsFailed} <button type="button" className="linkish" onClick={() => void secrets.refetch()}>{t.error.tryNow}</button></> : t.page.loading}</p>}
      </div>
      <p className="help">{t.jobs.secretsHelp}</p>
    </div>
  );
}
