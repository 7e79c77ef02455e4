import { Ban, CircleCheck, CircleHelp, Clock, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { InstanceTypeOption, JobCheck } from '../../api/types';
import { Helps } from '../../launch/Answer';
import { useNow } from '../../lib/clock';
import { about } from '../../lib/format';
import { t } from '../../text';
import type { Verdict } from '../../launch/fit';

const looks: Record<Verdict, { box: string; Icon: typeof Ban; words: string }> = {
  asking: { box: 'asking', Icon: CircleHelp, words: t.notebook.answer.asking },
  yes: { box: 'yes', Icon: CircleCheck, words: t.jobs.yes },
  no: { box: 'no', Icon: Clock, words: t.jobs.wait },
  never: { box: 'never', Icon: Ban, words: t.notebook.answer.never },
  invalid: { box: 'no', Icon: TriangleAlert, words: t.notebook.answer.invalid },
  unknown: { box: 'asking', Icon: CircleHelp, words: t.notebook.answer.unknown },
};

/** Seconds; what should have ended by now says nothing about when it will. */
const SOON = 5;

export const jobVerdict = (verdict: Verdict) => looks[verdict].words;

/** "Would this start?" for a job, which may wait: then what for, and who holds it. */
export function JobAnswer({ verdict, decision, stale, why, button, others, onChoose }: {
  verdict: Verdict; decision: JobCheck | undefined; stale: boolean; why: ReactNode; button?: ReactNode;
  /** Instance types with which it would start now. */
  others: InstanceTypeOption[]; onChoose: (slug: string) => void;
}) {
  const now = useNow(5000);
  const { box, Icon, words } = looks[verdict];
  const wait = verdict === 'no' && decision?.estimate ? (Date.parse(decision.estimate) - now) / 1000 : 0;
  const reasons = verdict === 'no' || verdict === 'never' ? decision?.reasons ?? [] : [];
  return (
    <section className={`answer ${box}${stale ? ' stale' : ''}`} aria-busy={stale} aria-label={t.notebook.answer.asking}>
      <div aria-live="polite" aria-atomic>
        <h2><Icon size={18} aria-hidden />{wait > SOON ? t.jobs.waitAbout(about(wait)) : words}</h2>
        {reasons.map((reason) => <p key={`${reason.code}-${reason.budget}-${reason.resource}`}>{reason.message}</p>)}
        {verdict === 'no' ? <p>{t.jobs.waitWhy}</p> : reasons.length === 0 && why}
        {verdict === 'yes' && decision?.warnings.map((warning) => <p key={warning}>{warning}</p>)}
      </div>
      {button && <div className="go">{button}</div>}
      {reasons.length > 0 && <Helps reasons={reasons} others={others} onChoose={onChoose} />}
    </section>
  );
}
