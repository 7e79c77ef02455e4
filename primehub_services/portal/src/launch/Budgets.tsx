import type { BudgetLine, LaunchOptions } from '../api/types';
import { amount } from '../lib/format';
import { bare, nameOfResource, number, show, type Resource } from '../lib/resources';
import { Panel } from '../parts/page';
import { Legend, QuotaBar, legendWords, withRequest, type Part } from '../parts/quota';
import { t } from '../text';

/** The person's quota and the group's, with this request drawn in; the machine's only where it stands in the way. */
export function Budgets({ options, lines, type, machine }: { options: LaunchOptions; lines: readonly BudgetLine[]; type: string; machine: boolean }) {
  const gpus = options.instance_types.some((x) => x.limits.gpu > 0);
  const of = (budget: string) => lines.filter((line) => line.budget === budget && (line.resource !== 'gpu' || gpus));
  const extra = type ? t.notebook.with(type) : undefined;
  const over = lines.some((line) => line.limit !== null && total(line) > amount(line.limit, line.resource) && (line.budget !== 'machine' || machine));
  return (
    <>
      <Panel title={t.notebook.yours} extra={extra}>
        {of('user').map((line) => <Row key={line.resource} line={line} used={[{ kind: 'mine', amount: amount(line.used, line.resource) }]} />)}
      </Panel>
      <Panel title={t.notebook.group} extra={extra}>
        {of('group').map((line) => {
          const mine = number(options.user.used, line.resource as Resource) ?? 0;
          const used = amount(line.used, line.resource);
          return <Row key={line.resource} line={line} used={[{ kind: 'mine', amount: Math.min(mine, used) }, { kind: 'others', amount: Math.max(0, used - mine) }]} />;
        })}
        <Legend show={legendWords(over ? ['mine', 'others', 'ask', 'over'] : ['mine', 'others', 'ask'])} />
      </Panel>
      {machine && (
        <Panel title={t.notebook.machine} extra={extra}>
          {of('machine').map((line) => <Row key={line.resource} line={line} used={[{ kind: 'others', amount: amount(line.used, line.resource) }]} />)}
        </Panel>
      )}
    </>
  );
}

const total = (line: BudgetLine) => amount(line.used, line.resource) + amount(line.asked, line.resource);

function Row({ line, used }: { line: BudgetLine; used: Part[] }) {
  const resource = line.resource as Resource;
  const limit = line.limit === null ? null : amount(line.limit, resource);
  const sum = total(line);
  const short = limit !== null && sum - limit > 1e-6 && amount(line.asked, resource) > 0;
  const text = limit === null ? t.notebook.noLimit(show(resource, sum))
    : short ? t.notebook.shortBy(bare(resource, sum, limit), show(resource, limit), bare(resource, sum - limit, limit))
      : t.notebook.ofLimit(bare(resource, sum, limit), show(resource, limit));
  const name = nameOfResource(resource);
  return (
    <div className="ask">
      <span>{name}</span><span className={short ? 'bad' : 'muted'}>{text}</span>
      <QuotaBar parts={withRequest(used, amount(line.asked, resource), limit)} limit={limit} label={`${name}: ${text}`} />
    </div>
  );
}
