import { Link } from 'react-router';
import type { QueuePlace } from '../../api/types';
import { holdersOf } from '../../launch/fit';
import { useNow } from '../../lib/clock';
import { about, amount, duration, exact, moment } from '../../lib/format';
import { bare, nameOfResource, show, type Resource } from '../../lib/resources';
import { useMe } from '../../lib/session';
import { Ago, Panel, Who } from '../../parts/page';
import { QuotaBar, withRequest } from '../../parts/quota';
import { t } from '../../text';
import { jobPath } from './paths';

/** What a waiting job waits for: the numbers, who holds them, and what would help. */
export function Why({ group, place }: { group: string; place: QueuePlace }) {
  const me = useMe();
  const now = useNow(5000);
  const { reasons, budgets } = place.decision;
  const seen = holdersOf(reasons);
  const helps = [...new Set(reasons.map((reason) => reason.help).filter(Boolean))];
  const machine = reasons.some((reason) => reason.budget === 'machine');
  const lines = budgets.filter((line) => line.limit !== null && amount(line.asked, line.resource) > 0 && (machine || line.budget !== 'machine'));
  // what should have ended by now says nothing about when it will
  const estimate = place.estimate && Date.parse(place.estimate) > now + 5000 ? place.estimate : null;
  return (
    <div className="formCol">
      <Panel title={t.jobs.waiting}>
        <div aria-live="polite">{reasons.map((reason) => <p key={`${reason.code}${reason.budget}${reason.resource}`} className="answerLine">{reason.message}</p>)}</div>
        <p className="small">
          {t.jobs.waitingSince(duration((now - Date.parse(place.waiting_since)) / 1000))} {place.kept ? t.jobs.kept : t.jobs.keptFrom(moment(place.kept_from, now))}{' '}
          {estimate && <span title={exact(estimate)}>{t.jobs.estimate(about((Date.parse(estimate) - now) / 1000))}</span>}
        </p>
        {lines.map((line) => {
          const resource = line.resource as Resource;
          const limit = amount(line.limit!, resource);
          const whose = line.budget === 'user' ? t.notebook.yours : line.budget === 'group' ? t.notebook.group : t.notebook.machine;
          const text = t.notebook.ofLimit(bare(resource, amount(line.used, resource), limit), show(resource, limit));
          return (
            <div key={`${line.budget}${line.resource}`} className="ask">
              <span>{nameOfResource(resource)} <span className="muted">{whose}</span></span><span className="muted">{text}</span>
              <QuotaBar parts={withRequest([{ kind: 'others', amount: amount(line.used, resource) }], amount(line.asked, resource), limit)} limit={limit} label={`${nameOfResource(resource)}: ${text}`} />
            </div>
          );
        })}
      </Panel>
      {seen.length > 0 && (
        <Panel title={t.notebook.answer.heldBy} className="flush">
          <table className="sheet">
            <tbody>
              {seen.map((h) => (
                <tr key={`${h.user}${h.name}${h.since}`}>
                  <td>{h.user ? <Who name={h.user} /> : <span className="muted">{t.usage.hidden}</span>}</td>
                  <td className="soft">{h.kind === 'job' && h.name ? <Link to={jobPath(me, group, h.name)}>{h.title ?? <code>{h.name}</code>}</Link> : t.usage.kinds[h.kind]}</td><td className="r">{h.amount}</td><td className="r soft"><Ago at={h.since} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </Panel>
      )}
      {helps.length > 0 && <Panel title={t.notebook.answer.helps}><ul className="helps first">{helps.map((help) => <li key={help}>{help}</li>)}</ul></Panel>}
    </div>
  );
}
