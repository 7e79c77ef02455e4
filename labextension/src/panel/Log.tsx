import { useEffect, useRef, useState } from 'react';
import { Problem, type Client } from '../client';
import { useTexts } from '../react';

const TAIL = 200;
const EVERY = 1_500;
/** Characters kept on the page; all of it is in the portal. */
const KEPT = 100_000;

/** The end of a job's log, going on while the job does. */
export function Log({ client, id, name, live }: { client: Client; id: string; name: string; live: boolean }) {
  const t = useTexts();
  const [text, setText] = useState<string | null>(null);
  const [cut, setCut] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const box = useRef<HTMLPreElement>(null);
  const next = useRef<number | null>(null);
  const atEnd = useRef(true);

  useEffect(() => {
    let gone = false;
    let timer = 0;
    const look = async () => {
      try {
        if (!document.hidden || next.current === null) {
          const from = next.current;
          const part = await client.log(id, from === null ? { tail: TAIL } : { offset: from });
          if (gone) return;
          setProblem(null);
          if (from === null) {
            setCut(part.offset > 0);
            setText(part.text);
          } else if (part.text !== '') setText((before) => ((before ?? '') + part.text).slice(-KEPT));
          next.current = part.next_offset;
        }
      } catch (error) {
        if (gone) return;
        setProblem(error instanceof Problem ? error : new Problem(String(error), 0));
      }
      if (live) timer = window.setTimeout(() => void look(), EVERY);
    };
    void look();
    return () => {
      gone = true;
      window.clearTimeout(timer);
    };
  }, [client, id, live]);

  useEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);

  return (
    <div className="jp-PrimeHub-log">
      {cut && <small className="jp-PrimeHub-muted">{t.job.logEarlier}</small>}
      {problem !== null && <p role="alert" className="jp-PrimeHub-fault">{t.job.logFailed}: {problem.message}</p>}
      {text !== null && (
        <pre ref={box} tabIndex={0} role="region" aria-label={t.job.logOf(name)} onScroll={(e) => { atEnd.current = e.currentTarget.scrollHeight - e.currentTarget.scrollTop - e.currentTarget.clientHeight < 8; }}>
          {text || t.job.logEmpty}
        </pre>
      )}
    </div>
  );
}
