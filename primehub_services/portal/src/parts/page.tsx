import { Button } from 'antd';
import { ChevronLeft, Lock, RotateCw } from 'lucide-react';
import { Suspense, lazy, useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { asProblem } from '../api/client';
import { useNow } from '../lib/clock';
import { ago, exact } from '../lib/format';
import { t } from '../text';
import { useRetryFocus } from './retry';
import { useTitle } from './title';

export function Page({ crumbs, title, status, lead, actions, children }: {
  crumbs?: { to: string; text: string }; title: string; status?: ReactNode; lead?: ReactNode; actions?: ReactNode; children: ReactNode;
}) {
  useTitle(title);
  return (
    <div className="page">
      <header className="head">
        <div className="headText">
          {crumbs && <nav className="crumbs" aria-label={t.page.up}><ChevronLeft size={14} aria-hidden /><Link to={crumbs.to}>{crumbs.text}</Link></nav>}
          <div className="titleRow"><h1>{title}</h1>{status}</div>
          {lead !== undefined && <div className="lead">{lead}</div>}
        </div>
        {actions !== undefined && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Panel({ title, extra, children, className = '' }: {
  title?: ReactNode; extra?: ReactNode; children: ReactNode; className?: string;
}) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <div className="panelHead"><h2 id={id}>{title}</h2>{extra !== undefined && <div className="extra">{extra}</div>}</div>
      )}
      {children}
    </section>
  );
}

export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return <dl className="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

const Tooltip = lazy(() => import('./Tooltip'));

/** Relative for people, exact on hover. A page has a hundred of them: what says it comes with the pointer. */
export function Ago({ at }: { at: string }) {
  const now = useNow(20_000);
  const [near, come] = useState(false);
  const time = <time className="ago" dateTime={at} onPointerEnter={() => come(true)}>{ago(at, now)}</time>;
  return near ? <Suspense fallback={time}><Tooltip defaultOpen title={exact(at)}>{time}</Tooltip></Suspense> : time;
}

/** The day, exact on hover. */
export const Day = ({ at }: { at: string }) => <time dateTime={at} title={exact(at)}>{exact(at).slice(0, 10)}</time>;

export const Who = ({ name }: { name: string }) => <span className="who"><i aria-hidden>{name[0]}</i>{name}</span>;

/** Skeletons come after 150 ms, so that what is quick never flickers; the space is kept from the start. */
export function Waiting({ children, label = t.page.loading }: { children: ReactNode; label?: string }) {
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return <div aria-busy="true" className={shown ? 'waiting' : 'waiting early'}><span className="sr" role="status">{shown ? label : ''}</span>{children}</div>;
}

export function Bones({ rows, widths = [68, 92, 54, 80] }: { rows: number; widths?: number[] }) {
  return (
    <div className="bones" aria-hidden>
      {Array.from({ length: rows }, (_, i) => (
        <i key={i} style={{ width: `${widths[i % widths.length]}%` }} />
      ))}
    </div>
  );
}

/** What is not here, what it would be good for, the one next action. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return <div className="state"><b>{title}</b>{children !== undefined && <p>{children}</p>}{action}</div>;
}

export function NoPermission({ title, children, action, whole }: { title: string; children: ReactNode; action?: ReactNode; whole?: boolean }) {
  const Title = whole ? 'h1' : 'b';
  return <div className="state"><Title><Lock size={15} aria-hidden /> {title}</Title><p>{children}</p>{action}</div>;
}

const RETRY = 10;

/** What could not be done, what is not affected, a retry with its countdown, the request's id. */
export function Failure({ error, what, unaffected, onRetry }: {
  error: unknown; what: string; unaffected?: string; onRetry: () => void;
}) {
  const problem = asProblem(error);
  const again = problem.status === 0 || problem.status >= 500;
  const [left, setLeft] = useState(RETRY);
  const retry = useRef(onRetry);
  const box = useRetryFocus();
  useEffect(() => {
    if (!again) return undefined;
    let seconds = RETRY;
    const timer = setInterval(() => {
      seconds -= 1;
      if (seconds <= 0) {
        seconds = RETRY;
        retry.current();
      }
      setLeft(seconds);
    }, 1000);
    return () => clearInterval(timer);
  }, [again]);
  useEffect(() => {
    retry.current = onRetry;
  }, [onRetry]);
  if (problem.status === 403) return <NoPermission title={problem.title}>{problem.message}</NoPermission>;
  return (
    <div ref={box} className="state" role="alert">
      <b>{what}</b>
      <p>{problem.status === 0 ? t.error.noAnswer : problem.message} {unaffected} {again && <span aria-hidden>{t.error.tryingIn(left)}</span>}</p>
      <Button icon={<RotateCw size={14} aria-hidden />} onClick={onRetry}>{t.error.tryNow}</Button>
      {problem.requestId && <code>{t.error.request(problem.requestId)}</code>}
    </div>
  );
}
