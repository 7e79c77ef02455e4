import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { asProblem } from '../../api/client';
import { ask } from '../../api/queries';
import type { Image } from '../../api/types';
import { clean } from '../../parts/log';
import { Empty, Failure } from '../../parts/page';
import { g } from '../../text/groups';

const words = g.images;

/** The end of the build's log, asked for again each second while it is built. */
export function BuildLog({ image, making }: { image: Image; making: boolean }) {
  const log = useQuery(ask.buildLog(image.slug, making));
  const box = useRef<HTMLDivElement>(null);
  const text = clean(log.data?.text ?? '');
  useEffect(() => {
    if (making && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [making, text]);
  if (log.error && !log.data && asProblem(log.error).status !== 404) return <Failure error={log.error} what={words.logFailed} onRetry={() => void log.refetch()} />;
  return (
    <div className="logBox buildLog" aria-busy={log.isPending}>
      {text === '' ? <Empty title={words.noLog}>{words.noLogWhy}</Empty>
        : <div className="log" ref={box} tabIndex={0} role="log" aria-live="off" aria-label={words.log}>{text.trimEnd().split('\n').map((line, i) => <div className="row" key={i}>{line}</div>)}</div>}
    </div>
  );
}
