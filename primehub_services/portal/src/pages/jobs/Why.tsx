import { Link } from 'react-router';
import type { BudgetLine, Job, QueuePlace } from '../../api/types';
import { holdersOf } from '../../launch/fit';
import { useNow } from '../../lib/clock';
import { about, amount, duration, exact, moment } from '../../lib/format';
import { bare, nameOfResource, show, type Resource } from '../../lib/resources';
import { useMe } from '../../lib/session';
import { Ago, Panel, Who } from '../../parts/page';
import { Legend, QuotaBar, withRequest, type Mark, type Part } from '../../parts/quota';
import { t } from '../../text';
import { helpsFor } from './helps';
import { jobPath } from '../../lib/job-paths';

/** What a waiting job waits for: the numbers, who holds them, and what would help. */
export function Why({ job, place }: { job: Job; place: QueuePlace }) {
  const me = useMe();
  const now = useNow(5000);
  const { reasons, budgets } = place.decision;
  const seen = holdersOf(reasons);
  const helps = [...new Set(reasons.map((reason) => reason.help).filter(Boolean))];
  const links = helpsFor(job, reasons, me);
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
        <Asks job={job} budgets={budgets} machine={reasons.some((reason) => reason.budget === 'machine')} own={job.user === me.name} />
      </Panel>
      {seen.length > 0 && (
        <Panel title={t.notebook.answer.heldBy} className="flush">
          <div className="scroll" tabIndex={0} role="group" aria-label={t.notebook.answer.heldBy}>
            <table className="sheet">
              <tbody>
                {seen.map((h) => (
                  <tr key={`${h.user}${h.name}${h.since}`}>
                    <td>{h.user ? <Who name={h.user} /> : <span className="muted">{t.usage.hidden}</span>}</td>
                    <td className="soft">{h.kind === 'job' && h.name ? <Link to={jobPath(me, job.group, h.name)}>{h.title ?? <code>{h.name}</code>}</Link> : t.usage.kinds[h.kind]}</td><td className="r">{h.amount}</td><td className="r soft"><Ago at={h.since} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Panel>
      )}
      {helps.length + links.length > 0 && (
        <Panel title={t.notebook.answer.helps}>
          {helps.map((help) => <p key={help} className="small">{help}</p>)}
          {links.length > 0 && <ul className="helps">{links.map((link) => <li key={link.to}><Link to={link.to}>{link.text}</Link></li>)}</ul>}
        </Panel>
      )}
    </div>
  );
}

/** What is asked, drawn into what is used of each limit. The reader's own part is solid; of another's job nobody says which part is whose. */
function Asks({ job, budgets, machine, own }: { job: Job; budgets: readonly BudgetLine[]; machine: boolean; own: boolean }) {
  const lines = budgets.filter((line) => line.limit !== null && amount(line.asked, line.resource) > 0 && (machine || line.budget !== 'machine'));
  const drawn = lines.map((line) => {
    const limit = amount(line.limit!, line.resource);
    return { line, limit, parts: withRequest(usedOf(line, budgets, own), amount(line.asked, line.resource), limit) };
  });
  const legend = (['mine', 'others', 'ask', 'over'] as const).filter((kind) => drawn.some(({ parts }) => parts.some((part) => part.kind === kind && part.amount > 0)));
  const words = t.jobs.legend;
  if (drawn.length === 0) return null;
  return (
    <div className="asks">
      {drawn.map(({ line, limit, parts }) => {
        const resource = line.resource as Resource;
        const whose = line.budget === 'user' ? (own ? t.notebook.yours : t.jobs.inGroup(job.user)) : line.budget === 'group' ? t.notebook.group : t.notebook.machine;
        const text = t.notebook.ofLimit(bare(resource, amount(line.used, resource), limit), show(resource, limit));
        return (
          <div key={`${line.budget}${line.resource}`} className="ask">
            <span>{nameOfResource(resource)} <span className="muted">{whose}</span></span><span className="muted">{text}</span>
            <QuotaBar parts={parts} limit={limit} label={`${nameOfResource(resource)}, ${whose}: ${text}`} />
          </div>
        );
      })}
      <Legend show={legend.map((kind): [Mark, string] => [kind, kind === 'others' && !own ? words.inUse : words[kind]])} />
    </div>
  );
}

function usedOf(line: BudgetLine, budgets: readonly BudgetLine[], own: boolean): Part[] {
  const used = amount(line.used, line.resource);
  const ofOwner = budgets.find((one) => one.budget === 'user' && one.resource === line.resource);
  const mine = !own || !ofOwner || line.budget === 'machine' ? 0 : Math.min(used, amount(ofOwner.used, line.resource));
  return [{ kind: 'mine', amount: mine }, { kind: 'others', amount: used - mine }];
}
