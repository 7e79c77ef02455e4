import { Link } from 'react-router';
import type { GroupUsage, QueueEntry } from '../../api/types';
import { useNow } from '../../lib/clock';
import { about, clock as clockWords, duration, exact } from '../../lib/format';
import { summary } from '../../lib/resources';
import { useGroup, useMe } from '../../lib/session';
import { Who } from '../../parts/page';
import { t } from '../../text';
import { at, clockFor, marks, type Clock } from './picture';

type Holder = GroupUsage['holders'][number];
const iso = (moment: number) => new Date(moment).toISOString();
const short = (moment: number) => clockWords(iso(moment)).slice(0, 5);

/** Who starts when, and who runs until when, against the clock. The words beside each bar say the same. */
export function Picture({ entries, total, holders }: { entries: readonly QueueEntry[]; total: number; holders: readonly Holder[] }) {
  const now = useNow(10_000);
  const picture = clockFor(now, entries, [...holders]);
  const columns = t.queue.columns;
  const ordered = [...holders].sort((a, b) => (a.ends_at ? Date.parse(a.ends_at) : Infinity) - (b.ends_at ? Date.parse(b.ends_at) : Infinity));
  return (
    <>
      <div className="gantt scroll onSheet" tabIndex={0} role="region" aria-label={t.queue.picture}>
        <table className="sheet clockTable">
          <thead>
            <tr>
              <th scope="col">{t.queue.waiting(total)}</th><th scope="col">{columns.user}</th><th scope="col">{columns.needs}</th><th scope="col">{columns.why}</th>
              <th scope="col" className="axisCell"><span className="sr">{columns.start}</span><Axis clock={picture} /></th>
            </tr>
          </thead>
          <tbody>
            {entries.length === 0 && <tr><td colSpan={4} className="muted">{t.queue.noneWaits}</td><td className="lane"><Grid clock={picture} /></td></tr>}
            {entries.map((entry) => <WaitingRow key={entry.job} entry={entry} clock={picture} />)}
          </tbody>
          <thead><tr><th scope="col">{t.queue.running(holders.length)}</th><th scope="col">{columns.user}</th><th scope="col" colSpan={2}>{columns.holds}</th><th scope="col"><span className="sr">{columns.ends}</span></th></tr></thead>
          <tbody>{ordered.map((holder) => <RunningRow key={holder.id} holder={holder} clock={picture} />)}</tbody>
        </table>
      </div>
      <div className="legend clockLegend">
        {(['mine', 'others', 'left', 'next'] as const).map((kind) => <span key={kind}><i className={kind} aria-hidden />{t.queue.legend[kind]}</span>)}
      </div>
    </>
  );
}

function Axis({ clock }: { clock: Clock }) {
  return (
    <span className="axisWords" aria-hidden>
      {marks(clock).filter((moment) => Math.abs(at(clock, moment) - at(clock, clock.now)) > 9).map((moment) => <b key={moment} style={{ left: `${at(clock, moment)}%` }}>{short(moment)}</b>)}
      <b className="now" style={{ left: `${at(clock, clock.now)}%` }}>{t.queue.now}</b>
    </span>
  );
}

function Grid({ clock }: { clock: Clock }) {
  return (
    <span className="grid" aria-hidden>
      {marks(clock).map((moment) => <i key={moment} style={{ left: `${at(clock, moment)}%` }} />)}
      <i className="now" style={{ left: `${at(clock, clock.now)}%` }} />
    </span>
  );
}

/** A bar between two moments; never so narrow that it is not seen. */
function Bar({ clock, kind, from, to }: { clock: Clock; kind: string; from: number; to: number }) {
  const left = at(clock, from);
  return <i className={`bar ${kind}`} style={{ left: `${left}%`, width: `max(3px, ${at(clock, to) - left}%)` }} aria-hidden />;
}

/** Words beside the end of a bar; at its left where there is no room at its right. */
function Words({ clock, moment, children, title }: { clock: Clock; moment: number; children: string; title?: string | undefined }) {
  const left = at(clock, moment);
  return left > 78 ? <small className="back" style={{ right: `${100 - left}%` }} title={title}>{children}</small> : <small style={{ left: `${left}%` }} title={title}>{children}</small>;
}

function WaitingRow({ entry: { place, ...job }, clock }: { entry: QueueEntry; clock: Clock }) {
  const group = useGroup();
  const start = place.estimate && Date.parse(place.estimate) > clock.now + 5000 ? Date.parse(place.estimate) : null;
  const next = start === null ? 0 : Math.min(clock.to, start + (clock.to - clock.from) / 16); // how long it will run nobody knows
  return (
    <tr>
      <td className="name"><span className="place" title={`${t.queue.columns.since} ${duration((clock.now - Date.parse(place.waiting_since)) / 1000)}`}>{place.position}</span><Link className="strong" to={`/g/${group.group}/jobs/${job.job}`}>{job.name}</Link></td>
      <td><Who name={job.user} /></td>
      <td className="soft" title={job.instance_type}>{summary(job.limits)}</td>
      <td className="because" title={place.decision.reasons[0]?.message}>{place.kept && <span className="chip">{t.queue.kept}</span>}{whyOf(place)}</td>
      <td className="lane">
        <Grid clock={clock} />
        {start === null ? <Words clock={clock} moment={clock.now}>{t.queue.unknown}</Words>
          : start > clock.to ? <small className="back" style={{ right: 0 }}>{t.queue.after(short(clock.to))}</small>
            : <><Bar clock={clock} kind="next" from={start} to={next} /><Words clock={clock} moment={next} title={exact(iso(start))}>{t.queue.about(short(start), about((start - clock.now) / 1000))}</Words></>}
      </td>
    </tr>
  );
}

/** What is short, in few words; the whole sentence is on hover and on the job's page. */
function whyOf(place: QueueEntry['place']): string {
  const reason = place.decision.reasons[0];
  if (!reason) return t.queue.nextTurn;
  if (reason.code === 'quota' && reason.short && reason.budget) return t.queue.shortOf(reason.short, t.notebook.whose[reason.budget === 'user' ? 'owner' : reason.budget] ?? '');
  return reason.message;
}

function RunningRow({ holder, clock }: { holder: Holder; clock: Clock }) {
  const group = useGroup();
  const me = useMe();
  const end = holder.ends_at ? Date.parse(holder.ends_at) : null;
  const mine = holder.user === me.name;
  const words = end === null ? t.queue.noEnd : t.queue.until(`${end - clock.now > 86_400_000 ? `${exact(iso(end)).slice(0, 10)} ` : ''}${short(end)}`, holder.kind === 'notebook');
  const name = holder.kind === 'job' ? <Link className="strong" to={`/g/${group.group}/jobs/${holder.id}`}>{holder.name}</Link>
    : <span className="strong">{t.usage.nameOf(holder.user, (t.usage.kinds[holder.kind] ?? holder.kind).toLowerCase())}</span>;
  return (
    <tr>
      <td className="name">{name}</td>
      <td><Who name={holder.user} /></td>
      <td className="soft" colSpan={2}>{summary(holder.limits)}<span className="muted">{t.queue.since(about((clock.now - Date.parse(holder.since)) / 1000))}</span></td>
      <td className="lane">
        <Grid clock={clock} />
        <Bar clock={clock} kind={mine ? 'mine' : 'others'} from={Date.parse(holder.since)} to={clock.now} />
        <Bar clock={clock} kind={end === null ? 'left open' : 'left'} from={clock.now} to={end ?? clock.to} />
        <Words clock={clock} moment={end === null ? clock.now + (clock.to - clock.now) / 3 : Math.max(end, clock.now)} title={end === null ? undefined : exact(iso(end))}>{words}</Words>
      </td>
    </tr>
  );
}
