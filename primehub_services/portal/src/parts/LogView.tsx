import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Button, Checkbox, Input } from 'antd';
import { ArrowDownToLine, ArrowUpToLine, Download, Search } from 'lucide-react';
import { memo, useEffect, useMemo, useState } from 'react';
import { useDebounced } from '../lib/debounce';
import type { LogPart } from '../live/messages';
import { useLive } from '../live/live';
import { Bones, Empty, Failure, Waiting } from './page';
import { t } from '../text';
import { useFollowing } from './following';
import { LINES, append, clean, loadTail, noLines, searchAll, type Lines, type LogSource } from './log';

/** A log, live and after the end, shown from its end on. `ended` says that nothing more will come, but for what is still on its way. */
export function LogView({ source, ended }: { source: LogSource; ended: boolean }) {
  // begun once; what comes later comes by the stream
  const first = useQuery({ queryKey: ['log', source.stream], queryFn: ({ signal }) => loadTail(source, signal), staleTime: Infinity, gcTime: 0 });
  if (first.data) return <Loaded key={source.stream} source={source} ended={ended} first={first.data} />;
  return (
    <div className="logBox">
      {first.error ? <Failure error={first.error} what={t.notebook.logFailed} unaffected={t.notebook.logUnaffected} onRetry={() => void first.refetch()} />
        : <div className="log" style={{ padding: 16 }}><Waiting><Bones rows={8} widths={[40, 72, 64, 80, 52]} /></Waiting></div>}
    </div>
  );
}

function Loaded({ source, ended, first }: { source: LogSource; ended: boolean; first: LogPart }) {
  const { follow } = useLive();
  const [log, setLog] = useState<Lines>(() => append({ ...noLines, from: first.offset, next: first.offset }, first));
  const [search, setSearch] = useState('');
  const wanted = useDebounced(search, 120);
  useEffect(() => follow(source.stream, first.next, (part) => setLog((before) => append(before, part))), [first, follow, source.stream]);

  const all = useMemo(() => (log.open === '' ? log.lines : [...log.lines, clean(log.open)]), [log]);
  const cut = log.from > 0 || log.lines.length >= LINES;
  const found = useQuery({
    queryKey: ['log-search', source.stream, wanted],
    queryFn: ({ signal }) => searchAll(source, wanted, signal),
    enabled: cut && wanted !== '',
    refetchInterval: ended ? false : 5000,
    placeholderData: keepPreviousData,
  });
  const shown = useMemo(() => {
    if (wanted === '') return all;
    return (cut && found.data?.lines) || all.filter((line) => line.toLowerCase().includes(wanted.toLowerCase()));
  }, [all, wanted, cut, found.data]);
  const more = cut && (found.data?.more ?? false);
  const { following, follow: followEnd, long, box, toStart, toEnd, handlers } = useFollowing(shown, wanted);
  // they have their place before there is something to scroll, so that nothing beside them moves
  const reach = { type: 'text', size: 'small', style: { visibility: long ? 'visible' : 'hidden' } } as const;

  return (
    <div className="logBox">
      <div className="logBar">
        <Input allowClear prefix={<Search size={14} aria-hidden />} placeholder={t.notebook.search} aria-label={t.notebook.search} value={search} onChange={(event) => setSearch(event.target.value)} />
        <span role="status">{wanted !== '' && t.notebook.searching(shown.length, more)}</span>
        <span className="gap" />
        <span className="ends">
          <Button {...reach} aria-label={t.notebook.toStart} title={t.notebook.toStart} icon={<ArrowUpToLine size={14} aria-hidden />} onClick={toStart} />
          <Button {...reach} aria-label={t.notebook.toEnd} title={t.notebook.toEnd} icon={<ArrowDownToLine size={14} aria-hidden />} onClick={toEnd} />
        </span>
        {!ended && <Checkbox checked={following} onChange={(event) => followEnd(event.target.checked)}>{t.notebook.follow}</Checkbox>}
        <Button type="text" size="small" href={source.download} icon={<Download size={14} aria-hidden />}>{t.notebook.download}</Button>
      </div>
      {all.length === 0 ? <Empty title={ended ? t.notebook.logNone : t.notebook.logEmpty} />
        : shown.length === 0 ? <Empty title={t.notebook.logNothing(wanted)} action={<Button onClick={() => setSearch('')}>{t.notebook.clearSearch}</Button>} />
          : (
            <div className="log" ref={box} tabIndex={0} role="region" aria-label={t.notebook.log} {...handlers}>
              <div>
                {cut && wanted === '' && <p className="logNote">{t.notebook.logEarlier}</p>}
                {shown.map((line, i) => <Line key={i} text={line} mark={wanted} />)}
              </div>
            </div>
          )}
    </div>
  );
}

const Line = memo(function Line({ text, mark }: { text: string; mark: string }) {
  if (mark === '') return <div className="row">{text}</div>;
  const parts: React.ReactNode[] = [];
  const lower = text.toLowerCase();
  let at = 0;
  for (let hit = lower.indexOf(mark.toLowerCase()); hit >= 0; hit = lower.indexOf(mark.toLowerCase(), at)) {
    parts.push(text.slice(at, hit), <mark key={hit}>{text.slice(hit, hit + mark.length)}</mark>);
    at = hit + mark.length;
  }
  return <div className="row">{parts}{text.slice(at)}</div>;
});
