/** The end of a session, and its return. */
import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useCallback, useEffect, useId, useLayoutEffect, useRef } from 'react';
import { ask } from '../api/queries';
import { hub } from '../lib/base';
import { useAnythingUnsaved } from '../lib/unsaved';
import { useLive } from '../live/live';
import { refreshable } from '../live/stale';
import { t } from '../text';

const LOOK_EVERY = 5_000;

/** Asks the API who is signed in: every answer, also that nobody is, is seen by the shell. */
function useAsk(): () => void {
  const queries = useQueryClient();
  return useCallback(() => {
    queries.query({ ...ask.me(), staleTime: 0 }).catch(() => undefined);
  }, [queries]);
}

/** The event stream is the first to hear that the session has ended; the API is asked before it is believed. */
export function SessionWatch() {
  const { state } = useLive();
  const look = useAsk();
  useEffect(() => {
    if (state.is === 'signed-out') look();
  }, [state, look]);
  return null;
}

/** Over the whole page, and above its dialogs, until the person is signed in again: here, or in another tab. */
export function SessionEnd() {
  const { state, retry } = useLive();
  const queries = useQueryClient();
  const look = useAsk();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const unsaved = useAnythingUnsaved();
  useLayoutEffect(() => {
    const shown = dialog.current!;
    const again = () => {
      if (!shown.open) shown.showModal(); // browsers let a second Esc close what refuses the first
    };
    // no key is for what is under it
    const press = (event: KeyboardEvent) => {
      event.stopPropagation();
      if (event.key === 'Escape') event.preventDefault();
    };
    again();
    shown.addEventListener('close', again);
    addEventListener('keydown', press, true);
    return () => {
      shown.removeEventListener('close', again);
      removeEventListener('keydown', press, true);
      shown.close(); // gives the focus back
    };
  }, []);
  const open = state.is === 'open';
  useEffect(() => {
    if (open) look(); // another tab's sign-in has opened the stream
  }, [open, look]);
  useEffect(() => {
    // back from the tab of the sign-in, or with that in a window beside this one
    addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    const timer = setInterval(() => {
      if (!document.hidden) look();
    }, LOOK_EVERY);
    return () => {
      clearInterval(timer);
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
    };
  }, [look]);
  useEffect(() => () => {
    retry();
    void queries.invalidateQueries({ predicate: refreshable });
  }, [retry, queries]);
  return (
    <dialog ref={dialog} className="ended" aria-labelledby={title} onCancel={(event) => event.preventDefault()}>
      <div className="state">
        <h1 id={title}>{t.signedOut.title}</h1>
        <p>{t.signedOut.why}</p>
        {unsaved && <p>{t.signedOut.kept}</p>}
        <Button type="primary" href={hub.login()} target={unsaved ? '_blank' : undefined}>{unsaved ? t.signedOut.signInBeside : t.signedOut.signIn}</Button>
      </div>
    </dialog>
  );
}
