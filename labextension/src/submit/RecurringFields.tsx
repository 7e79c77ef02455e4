import { useMemo } from 'react';
import { REPEATS, repeated, toCron, zones, type Repeat, type Timing } from '../lib/cron';
import { moment } from '../lib/format';
import { useTexts } from '../react';
import type { CronPreview, Overlap } from '../types';
import { Checkbox, Field } from './Field';

export interface Recurrence {
  timing: Timing;
  timezone: string;
  overlap: Overlap;
  catchUp: boolean;
  readsFile: boolean;
}

const OVERLAPS: readonly Overlap[] = ['skip', 'queue', 'replace'];

/** When it recurs, in words, with the next runs before anything is saved. */
export function RecurringFields({ value, preview, fault, inGroupFolder, onChange }: {
  value: Recurrence; preview: CronPreview | null; fault: string | undefined; inGroupFolder: boolean; onChange: (value: Recurrence) => void;
}) {
  const t = useTexts();
  const known = useMemo(() => zones(), []);
  const { timing } = value;
  const time = (changes: Partial<Timing>) => onChange({ ...value, timing: { ...timing, ...changes } });
  const timeFault = toCron(timing) === null && timing.repeat !== 'custom' ? t.recurring.timeWrong : undefined;
  return (
    <section className="jp-PrimeHub-section" aria-label={t.dialog.recur}>
      <div className="jp-PrimeHub-row">
        <Field label={t.recurring.repeat}>
          {(props) => (
            <select {...props} value={timing.repeat} onChange={(e) => onChange({ ...value, timing: repeated(timing, e.currentTarget.value as Repeat) })}>
              {REPEATS.map((repeat) => <option key={repeat} value={repeat}>{t.recurring.repeats[repeat]}</option>)}
            </select>
          )}
        </Field>
        {timing.repeat === 'weekly' && (
          <Field label={t.recurring.weekday}>
            {(props) => (
              <select {...props} value={timing.weekday} onChange={(e) => time({ weekday: Number(e.currentTarget.value) })}>
                {[1, 2, 3, 4, 5, 6, 0].map((day) => <option key={day} value={day}>{t.recurring.weekdays[day]}</option>)}
              </select>
            )}
          </Field>
        )}
        {timing.repeat === 'monthly' && (
          <Field label={t.recurring.day}>
            {(props) => (
              <select {...props} value={timing.day} onChange={(e) => time({ day: Number(e.currentTarget.value) })}>
                {Array.from({ length: 28 }, (_, i) => <option key={i} value={i + 1}>{i + 1}</option>)}
              </select>
            )}
          </Field>
        )}
        {timing.repeat === 'custom' ? (
          <Field label={t.recurring.cron} help={t.recurring.cronWhy} fault={fault}>
            {(props) => <input {...props} className="jp-PrimeHub-mono" type="text" spellCheck={false} autoComplete="off" value={timing.cron} onChange={(e) => time({ cron: e.currentTarget.value })} />}
          </Field>
        ) : (
          <Field label={timing.repeat === 'hourly' ? t.recurring.minute : t.recurring.time} fault={timeFault ?? fault}>
            {(props) => (timing.repeat === 'hourly'
              ? <input {...props} type="number" min={0} max={59} value={Number(timing.time.split(':')[1] ?? 0)} onChange={(e) => time({ time: `00:${e.currentTarget.value.padStart(2, '0')}` })} />
              : <input {...props} type="time" value={timing.time} onChange={(e) => time({ time: e.currentTarget.value })} />)}
          </Field>
        )}
        <Field label={t.recurring.zone}>
          {(props) => (
            <select {...props} value={value.timezone} onChange={(e) => onChange({ ...value, timezone: e.currentTarget.value })}>
              {(known.includes(value.timezone) ? known : [value.timezone, ...known]).map((zone) => <option key={zone} value={zone}>{zone}</option>)}
            </select>
          )}
        </Field>
      </div>
      <div className="jp-PrimeHub-preview" aria-live="polite">
        {preview === null ? <p className="jp-PrimeHub-muted">{fault === undefined ? t.recurring.reading : ''}</p> : (
          <>
            <p><strong>{preview.reading}</strong></p>
            <p className="jp-PrimeHub-muted">{t.recurring.next}</p>
            <ol>{preview.next.map((at) => <li key={at}><time dateTime={at}>{moment(at, value.timezone)}</time></li>)}</ol>
          </>
        )}
      </div>
      <div className="jp-PrimeHub-row">
        <Field label={t.recurring.overlap}>
          {(props) => (
            <select {...props} value={value.overlap} onChange={(e) => onChange({ ...value, overlap: e.currentTarget.value as Overlap })}>
              {OVERLAPS.map((overlap) => <option key={overlap} value={overlap}>{t.recurring.overlaps[overlap]}</option>)}
            </select>
          )}
        </Field>
      </div>
      <Checkbox label={t.recurring.catchUp} checked={value.catchUp} onChange={(catchUp) => onChange({ ...value, catchUp })} />
      {inGroupFolder && <Checkbox label={t.recurring.readsFile} help={t.recurring.readsFileWhy} checked={value.readsFile} onChange={(readsFile) => onChange({ ...value, readsFile })} />}
    </section>
  );
}
