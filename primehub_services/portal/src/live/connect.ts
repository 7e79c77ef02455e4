import { apiBase, newestChange, xsrfToken } from '../lib/base';
import type { FromStream, ToStream } from './messages';
import { Multiplexer } from './multiplexer';

export type Link = { send: (message: ToStream) => void; close: () => void };

/** Joins this tab to the browser's one event stream. */
export function connect(onMessage: (message: FromStream) => void): Link {
  const way = typeof SharedWorker !== 'undefined' ? overWorker : 'locks' in navigator ? overChannel : alone;
  const link = way(onMessage);
  const hello = (): ToStream => ({ type: 'hello', api: apiBase, xsrf: xsrfToken(), since: newestChange });
  link.send(hello());
  const beat = setInterval(() => link.send({ type: 'alive', xsrf: xsrfToken() }), 20_000);
  const retry = () => {
    if (!document.hidden) link.send({ type: 'retry', xsrf: xsrfToken() });
  };
  const leave = () => link.send({ type: 'bye' });
  const back = (event: PageTransitionEvent) => {
    if (event.persisted) location.reload(); // a page from the back-forward cache has left the stream
  };
  addEventListener('online', retry);
  document.addEventListener('visibilitychange', retry);
  addEventListener('pagehide', leave);
  addEventListener('pageshow', back);
  return {
    send: link.send,
    close: () => {
      clearInterval(beat);
      removeEventListener('online', retry);
      document.removeEventListener('visibilitychange', retry);
      removeEventListener('pagehide', leave);
      removeEventListener('pageshow', back);
      leave();
      link.close();
    },
  };
}

function overWorker(onMessage: (message: FromStream) => void): Link {
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'primehub-live' });
  worker.port.onmessage = ({ data }: MessageEvent<FromStream>) => onMessage(data);
  return { send: (message) => worker.port.postMessage(message), close: () => worker.port.close() };
}

/** With neither SharedWorker nor locks (Chrome on Android over plain http) tabs cannot agree on who leads: each has its own. */
function alone(onMessage: (message: FromStream) => void): Link {
  const stream = new Multiplexer((_, message) => onMessage(message));
  return { send: (message) => stream.receive('', message), close: () => undefined };
}

type Wire = { from: string; message: ToStream } | { to: string | null; answer: FromStream } | { leader: true };

/** Without SharedWorker (Chrome on Android): the tab that holds the lock leads, the others listen to it. */
function overChannel(onMessage: (message: FromStream) => void): Link {
  const me = crypto.randomUUID();
  const channel = new BroadcastChannel(`primehub-live:${apiBase}`);
  const said: ToStream[] = [];
  let stream: Multiplexer | null = null;
  let release = () => {};

  const lead = () => {
    stream = new Multiplexer((to, answer) => {
      if (to === null || to === me) onMessage(answer);
      if (to !== me) channel.postMessage({ to, answer } satisfies Wire);
    });
    for (const message of said) stream.receive(me, message);
    channel.postMessage({ leader: true } satisfies Wire);
  };
  channel.onmessage = ({ data }: MessageEvent<Wire>) => {
    if ('leader' in data) for (const message of said) channel.postMessage({ from: me, message } satisfies Wire);
    else if ('from' in data) stream?.receive(data.from, data.message);
    else if (data.to === null || data.to === me) onMessage(data.answer);
  };
  void navigator.locks.request(`primehub-live:${apiBase}`, () => new Promise<void>((done) => {
    release = done;
    lead();
  }));
  return {
    send: (message) => {
      // a new leader must learn what this tab last said of each kind
      if (message.type === 'hello' || message.type === 'logs') {
        const at = said.findIndex((m) => m.type === message.type);
        if (at >= 0) said[at] = message;
        else said.push(message);
      }
      if (stream) stream.receive(me, message);
      else channel.postMessage({ from: me, message } satisfies Wire);
    },
    close: () => {
      release();
      channel.close();
    },
  };
}
