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
    again();
    shown.addEventListener('close', again);
    return () => {
      shown.removeEventListener('close', again);
      shown.close(); // gives the focus back
    };
  }, []);
  const open = state.is === 'open';
  useEffect(() => {
    if (open) look(); // another tab's sign-in has opened the stream
  }, [open, look]);
  useEffect(() => {
    addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    return () => {
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
