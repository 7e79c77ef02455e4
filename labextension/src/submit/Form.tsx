import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { Problem, type Client } from '../client';
import { FIRST, ownZone, toCron } from '../lib/cron';
import { stem } from '../lib/format';
import { atFirst, read, type Typed } from '../lib/parameters';
import type { Snapshot } from '../notebook';
import { useSettled, useTexts } from '../react';
import type { Context, CronPreview, Job, JobRequest, LaunchOptions, Parameters, Schedule } from '../types';
import { Answer, type Asked } from './Answer';
import { Choices } from './Choices';
import { first, imageOptions, typeOptions } from './choose';
import { Checkbox, Field } from './Field';
import { ParameterFields } from './ParameterFields';
import { RecurringFields, type Recurrence } from './RecurringFields';

export type Done = { job: Job } | { schedule: Schedule };
/** How the dialog's own button looks and what it does. */
export interface Accept {
  label: string;
  enabled: boolean;
  act: () => void;
}

interface Found {
  options: LaunchOptions;
  parameters: Parameters;
}

const UNITS = { minutes: 60, hours: 3600, days: 86_400 } as const;
type Unit = keyof typeof UNITS;
const SETTLE = 250;

const asProblem = (error: unknown) => (error instanceof Problem ? error : new Problem(String(error), 0));

interface FormProps {
  client: Client;
  context: Context | null;
  snapshot: Snapshot;
  /** Beside the dialog's buttons. */
  footer: HTMLElement;
  onAccept: (accept: Accept) => void;
  onDone: (done: Done) => void;
}

/** Loads what the form needs, then shows it. */
export function Form(props: FormProps) {
  const t = useTexts();
  const { client, snapshot } = props;
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let gone = false;
    Promise.all([client.launchOptions(), client.parameters(snapshot.content)]).then(
      ([options, parameters]) => !gone && setFound({ options, parameters }),
      (error: unknown) => !gone && setProblem(asProblem(error)),
    );
    return () => {
      gone = true;
    };
  }, [client, snapshot, tries]);
  const retry = () => {
    setProblem(null);
    setTries(tries + 1);
  };
  if (found !== null) return <Loaded {...props} {...found} />;
  return (
    <div className="jp-PrimeHub-form" aria-busy={problem === null}>
      {problem === null ? <p role="status" className="jp-PrimeHub-muted">{t.dialog.loading}</p> : (
        <div role="alert">
          <p>{problem.status === 0 ? t.notices.unreachable : problem.message}</p>
          <button type="button" className="jp-mod-styled" onClick={retry}>{t.dialog.again}</button>
        </div>
      )}
    </div>
  );
}

function Loaded({ client, context, snapshot, footer, options, parameters, onAccept, onDone }: FormProps & Found) {
  const t = useTexts();
  const types = useMemo(() => typeOptions(options, context), [options, context]);
  const [type, setType] = useState(() => first(types, options.defaults.instance_type));
  const images = useMemo(() => imageOptions(options, context, type, t), [options, context, type, t]);
  const [wanted, setWanted] = useState(() => first(images, options.defaults.image));
  const image = images.find((option) => option.slug === wanted && option.disabled === '')?.slug ?? null;
  const [recurring, setRecurring] = useState(false);
  const [typed, setTyped] = useState<Typed>(() => atFirst(parameters.parameters));
  const [name, setName] = useState('');
  const [amount, setAmount] = useState('');
  const [unit, setUnit] = useState<Unit>('hours');
  const [folder, setFolder] = useState(false);
  const [recurrence, setRecurrence] = useState<Recurrence>(() => ({ timing: FIRST, timezone: ownZone(), overlap: 'skip', catchUp: false, readsFile: false }));
  const [refused, setRefused] = useState<Problem | null>(null);
  const [sending, setSending] = useState(false);

  const { values, faults } = useMemo(() => read(parameters.parameters, typed), [parameters, typed]);
  const timeout = amount.trim() === '' ? undefined : /^\d+$/.test(amount.trim()) && Number(amount) > 0 ? Number(amount) * UNITS[unit] : null;
  const inGroupFolder = context?.group != null && snapshot.path.startsWith(`${context.group.slug}/`);
  const cron = toCron(recurrence.timing);
  const asked = useCheck(client, type, image, timeout ?? undefined);
  const { preview, fault: cronFault } = usePreview(client, recurring ? cron : null, recurrence.timezone);
  const wrong = Object.keys(faults).length > 0 || timeout === null || (recurring && (cron === null || cronFault !== undefined));
  const own = stem(snapshot.path);

  const request = useMemo<JobRequest | null>(() => {
    if (type === null || image === null || wrong) return null;
    return {
      path: snapshot.path, content: snapshot.content, instance_type: type, image,
      ...(name.trim() ? { name: name.trim() } : {}),
      ...(Object.keys(values).length > 0 ? { parameters: values } : {}),
      ...(timeout ? { timeout } : {}),
      ...(folder ? { include_folder: true } : {}),
    };
  }, [type, image, wrong, snapshot, name, values, timeout, folder]);
  const enabled = request !== null && !sending && !(asked.decision?.never ?? false);

  const act = useCallback(() => {
    if (!enabled) return;
    setSending(true);
    setRefused(null);
    const sent = recurring
      ? client.createSchedule({
        name: name.trim() || own, cron: cron!, timezone: recurrence.timezone, overlap: recurrence.overlap, catch_up: recurrence.catchUp,
        notebook_reads_file: inGroupFolder && recurrence.readsFile, job: request,
      }).then((schedule): Done => ({ schedule }))
      : client.submit(request).then((job): Done => ({ job }));
    sent.then(onDone, (error: unknown) => {
      setRefused(asProblem(error));
      setSending(false);
    });
  }, [enabled, recurring, client, name, own, cron, recurrence, inGroupFolder, request, onDone]);

  const label = sending ? t.dialog.sending : recurring ? t.dialog.save : t.dialog.submit;
  useEffect(() => onAccept({ label, enabled, act }), [onAccept, label, enabled, act]);
  // an answer to what was asked before is none to what stands there now
  const facts = JSON.stringify([type, image, timeout, recurring, cron, recurrence, name, typed, folder]);
  const before = useRef(facts);
  useEffect(() => {
    if (before.current === facts) return;
    before.current = facts;
    setRefused(null);
  }, [facts]);

  return (
    <form className="jp-PrimeHub-form" noValidate onSubmit={(e) => { e.preventDefault(); act(); }}>
      <p className="jp-PrimeHub-muted">{t.dialog.of(snapshot.path, context?.group?.name ?? '')}<br />{t.dialog.asOnScreen}</p>
      <fieldset className="jp-PrimeHub-when">
        <legend>{t.dialog.when}</legend>
        <label><input type="radio" name="when" checked={!recurring} onChange={() => setRecurring(false)} />{t.dialog.once}</label>
        <label><input type="radio" name="when" checked={recurring} onChange={() => setRecurring(true)} />{t.dialog.recur}</label>
      </fieldset>
      {recurring && <RecurringFields value={recurrence} preview={preview} fault={cronFault} inGroupFolder={inGroupFolder} onChange={setRecurrence} />}
      <div className="jp-PrimeHub-machine">
        <Choices title={t.dialog.type} name="instance-type" options={types} value={type} none={t.dialog.noTypes} onChange={setType} />
        <Choices title={t.dialog.image} name="image" options={images} value={image} none={t.dialog.noImages} onChange={setWanted} />
      </div>
      <ParameterFields found={parameters} typed={typed} faults={faults} onType={(which, text) => setTyped({ ...typed, [which]: text })} />
      <section className="jp-PrimeHub-section" aria-label={t.dialog.details}>
        <h3>{t.dialog.details}</h3>
        <div className="jp-PrimeHub-row">
          <Field label={t.dialog.name}>
            {(props) => <input {...props} type="text" maxLength={100} autoComplete="off" placeholder={own} value={name} onChange={(e) => setName(e.currentTarget.value)} />}
          </Field>
          <Field label={t.dialog.timeout} help={t.dialog.timeoutWhy} fault={timeout === null ? t.dialog.timeoutWrong : undefined}>
            {(props) => (
              <span className="jp-PrimeHub-amount">
                <input {...props} type="text" inputMode="numeric" autoComplete="off" value={amount} onChange={(e) => setAmount(e.currentTarget.value)} />
                <select aria-label={t.dialog.unit} value={unit} onChange={(e) => setUnit(e.currentTarget.value as Unit)}>
                  {(Object.keys(UNITS) as Unit[]).map((one) => <option key={one} value={one}>{t.dialog.units[one]}</option>)}
                </select>
              </span>
            )}
          </Field>
        </div>
        <Checkbox label={t.dialog.folder} help={t.dialog.folderWhy} checked={folder} onChange={setFolder} />
      </section>
      {createPortal(<Answer asked={asked} refused={refused} recurring={recurring} preview={preview} timezone={recurrence.timezone} wrong={wrong} />, footer)}
      <button type="submit" hidden aria-hidden />
    </form>
  );
}

/** Whether it would start, asked again whenever what counts has changed and settled. */
function useCheck(client: Client, type: string | null, image: string | null, timeout: number | undefined): Asked {
  const key = useSettled(JSON.stringify([type, image, timeout]), SETTLE);
  const [answer, setAnswer] = useState<Asked & { key: string }>({ decision: null, problem: null, key: '' });
  useEffect(() => {
    let gone = false;
    const [instance_type, of, seconds] = JSON.parse(key) as [string | null, string | null, number | undefined];
    if (instance_type === null || of === null) return;
    client.check({ instance_type, image: of, ...(seconds ? { timeout: seconds } : {}) }).then(
      (decision) => !gone && setAnswer({ decision, problem: null, key }),
      (error: unknown) => !gone && setAnswer({ decision: null, problem: asProblem(error), key }),
    );
    return () => {
      gone = true;
    };
  }, [client, key]);
  return answer.key === JSON.stringify([type, image, timeout]) ? answer : { decision: null, problem: null };
}

/** What a cron expression means, and what is wrong with it. */
function usePreview(client: Client, cron: string | null, timezone: string): { preview: CronPreview | null; fault: string | undefined } {
  const key = useSettled(cron === null ? '' : JSON.stringify([cron, timezone]), SETTLE);
  const [answer, setAnswer] = useState<{ preview: CronPreview | null; fault: string | undefined; key: string }>({ preview: null, fault: undefined, key: '' });
  useEffect(() => {
    if (key === '') return;
    let gone = false;
    const [expression, zone] = JSON.parse(key) as [string, string];
    client.previewCron(expression, zone).then(
      (preview) => !gone && setAnswer({ preview, fault: undefined, key }),
      (error: unknown) => {
        const problem = asProblem(error);
        const fault = problem.errors.map((one) => `${one.message} ${one.fix ?? ''}`.trim()).join(' ') || problem.message;
        if (!gone) setAnswer({ preview: null, fault, key });
      },
    );
    return () => {
      gone = true;
    };
  }, [client, key]);
  return answer.key === key && cron !== null ? answer : { preview: null, fault: undefined };
}
