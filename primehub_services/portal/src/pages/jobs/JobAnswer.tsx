import { Ban, CircleCheck, CircleHelp, Clock, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Decision } from '../../api/types';
import { Helps } from '../../launch/Answer';
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

export const jobVerdict = (verdict: Verdict) => looks[verdict].words;

/** "Would this start?" for a job, which may wait: then what for, and who holds it. */
export function JobAnswer({ verdict, decision, stale, why, button }: {
  verdict: Verdict; decision: Decision | undefined; stale: boolean; why: ReactNode; button: ReactNode;
}) {
  const { box, Icon, words } = looks[verdict];
  const reasons = verdict === 'no' || verdict === 'never' ? decision?.reasons ?? [] : [];
  return (
    <section className={`answer ${box}${stale ? ' stale' : ''}`} aria-busy={stale} aria-label={t.notebook.answer.asking}>
      <div aria-live="polite" aria-atomic>
        <h2><Icon size={18} aria-hidden />{words}</h2>
        {reasons.map((reason) => <p key={`${reason.code}-${reason.budget}-${reason.resource}`}>{reason.message}</p>)}
        {verdict === 'no' ? <p>{t.jobs.waitWhy}</p> : reasons.length === 0 && why}
        {verdict === 'yes' && decision?.warnings.map((warning) => <p key={warning}>{warning}</p>)}
      </div>
      <div className="go">{button}</div>
      {reasons.length > 0 && <Helps reasons={reasons} others={[]} onChoose={() => undefined} />}
    </section>
  );
}
