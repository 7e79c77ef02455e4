import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { xsrfToken } from '../lib/base';
import { connect, type Link } from './connect';
import type { LogPart, StreamState } from './messages';
import { Refresher } from './stale';

type Live = { state: StreamState; retry: () => void; follow: (id: string, offset: number, take: (part: LogPart) => void) => () => void };
const LiveContext = createContext<Live | null>(null);

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState<StreamState>({ is: 'connecting' });
  const link = useRef<Link | null>(null);
  const followers = useRef(new Map<string, { offset: number; takers: Set<(part: LogPart) => void> }>());

  const [calls] = useState(() => {
    const tell = () => link.current?.send({
      type: 'logs',
      logs: Object.fromEntries([...followers.current].map(([id, { offset }]) => [id, offset])),
    });
    return {
      tell,
      retry: () => link.current?.send({ type: 'retry', xsrf: xsrfToken() }),
      follow: (id: string, offset: number, take: (part: LogPart) => void) => {
        const follower = followers.current.get(id) ?? { offset, takers: new Set<(part: LogPart) => void>() };
        follower.offset = Math.min(offset, follower.offset);
        follower.takers.add(take);
        followers.current.set(id, follower);
        tell();
        return () => {
          follower.takers.delete(take);
          if (follower.takers.size === 0) followers.current.delete(id);
          tell();
        };
      },
    };
  });
  useEffect(() => {
    const refresher = new Refresher(queries);
    const open = connect((message) => {
      if (message.type === 'state') setState(message.state);
      else if (message.type === 'change') refresher.changed(message.change);
      else if (message.type === 'reset') refresher.all();
      else if (message.type === 'tell') calls.tell();
      else {
        const follower = followers.current.get(message.part.id);
        if (!follower) return;
        if (message.part.offset > follower.offset) { calls.tell(); return; } // what is missing comes first, and this again
        follower.offset = message.part.next;
        for (const take of follower.takers) take(message.part);
      }
    });
    link.current = open;
    calls.tell();
    return () => {
      link.current = null;
      open.close();
      refresher.stop();
    };
  }, [queries, calls]);

  const live = useMemo<Live>(() => ({ state, retry: calls.retry, follow: calls.follow }), [state, calls]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('useLive needs a LiveProvider around it');
  return live;
}
