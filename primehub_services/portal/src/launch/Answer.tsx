import { Ban, CircleCheck, CircleHelp, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Decision, InstanceTypeOption, Reason } from '../api/types';
import { Ago } from '../parts/page';
import { t } from '../text';
import { holdersOf, label, type Verdict } from './fit';

const looks: Record<Verdict, { box: string; Icon: typeof Ban; words: string }> = {
  asking: { box: 'asking', Icon: CircleHelp, words: t.notebook.answer.asking },
  yes: { box: 'yes', Icon: CircleCheck, words: t.notebook.answer.yes },
  no: { box: 'no', Icon: TriangleAlert, words: t.notebook.answer.no },
  never: { box: 'never', Icon: Ban, words: t.notebook.answer.never },
  invalid: { box: 'no', Icon: TriangleAlert, words: t.notebook.answer.invalid },
  unknown: { box: 'asking', Icon: CircleHelp, words: t.notebook.answer.unknown },
};

export const verdictWords = (verdict: Verdict) => looks[verdict].words;

/** "Would this start?": what is short, by how much, who holds it; the button; what would help. */
export function Answer({ verdict, decision, stale, why, button, others, onChoose }: {
  verdict: Verdict; decision: Decision | undefined; stale: boolean; why: ReactNode; button: ReactNode;
  others: InstanceTypeOption[]; onChoose: (slug: string) => void;
}) {
  const { box, Icon, words } = looks[verdict];
  const refused = verdict === 'no' || verdict === 'never';
  const reasons = refused ? decision?.reasons ?? [] : [];
  return (
    <section className={`answer ${box}${stale ? ' stale' : ''}`} aria-busy={stale} aria-label={t.notebook.answer.asking}>
      <div aria-live="polite" aria-atomic>
        <h2><Icon size={18} aria-hidden />{words}</h2>
        {reasons.length > 0 ? reasons.map((reason) => <p key={`${reason.code}-${reason.budget}-${reason.resource}`}>{reason.message}</p>) : why}
        {verdict === 'yes' && decision?.warnings.map((warning) => <p key={warning}>{warning}</p>)}
      </div>
      <div className="go">{button}</div>
      {refused && <Helps reasons={reasons} others={others} onChoose={onChoose} />}
    </section>
  );
}

export function Helps({ reasons, others, onChoose }: { reasons: readonly Reason[]; others: InstanceTypeOption[]; onChoose: (slug: string) => void }) {
  const helps = [...new Set(reasons.map((reason) => reason.help).filter(Boolean))];
  const seen = holdersOf(reasons).slice(0, 5);
  return (
    <>
      {seen.length > 0 && (
        <>
          <h3>{t.notebook.answer.heldBy}</h3>
          <ul className="helps">
            {seen.map((h) => <li key={`${h.user}${h.since}${h.amount}`}>{t.notebook.answer.held(h.user ?? t.usage.hidden, h.amount, (t.usage.kinds[h.kind] ?? h.kind).toLowerCase())}, <span className="muted"><Ago at={h.since} /></span></li>)}
          </ul>
        </>
      )}
      {(others.length > 0 || helps.length > 0) && (
        <>
          <h3>{t.notebook.answer.helps}</h3>
          <ul className="helps">
            {others.map((type) => <li key={type.slug}><button type="button" className="linkish" onClick={() => onChoose(type.slug)}>{t.notebook.answer.choose(label(type))}</button>{t.notebook.answer.wouldFit}</li>)}
            {helps.map((help) => <li key={help}>{help}</li>)}
          </ul>
        </>
      )}
    </>
  );
}
