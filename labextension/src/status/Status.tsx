import { ReactWidget } from '@jupyterlab/apputils';
import { about, between, quota } from '../lib/format';
import type { Platform } from '../platform';
import { TextsContext, useNow, useSignal, useTexts } from '../react';
import type { Texts } from '../text';

/** Whether it is time to warn that the server stops, and in how many seconds it does; null where it never does. */
export function timeLeft(platform: Platform, now: number): { seconds: number; soon: boolean } | null {
  const notebook = platform.context?.notebook;
  if (!notebook?.idle_deadline) return null;
  const warning = notebook.idle_warning_at;
  return { seconds: Math.max(0, -between(notebook.idle_deadline, now)), soon: warning !== null && Date.parse(warning) <= now };
}

function Status({ platform, onKeep }: { platform: Platform; onKeep: () => void }) {
  const t = useTexts();
  useSignal(platform.changed);
  const now = useNow(5_000);
  const { context } = platform;
  // who has no name was not started by PrimeHub
  if (context === null || context.user === '') return null;
  const used = context.usage?.user ? quota(context.usage.user) : null;
  const left = timeLeft(platform, now);
  return (
    <div className="jp-PrimeHub-status">
      <a href={context.portal_url} target="_blank" rel="noreferrer" title={t.status.group(context.group?.name ?? '')}>{context.group?.name ?? t.product}</a>
      {!context.available && <span title={context.reason}>{t.status.away}</span>}
      {used !== null && <span title={`${t.status.quota}\n${used.lines.join('\n')}`}>{used.short}</span>}
      {left !== null && (
        <button type="button" className={left.soon ? 'jp-mod-warn' : ''} title={t.status.leftWhy(about(left.seconds))} onClick={onKeep}>
          {t.status.left(about(left.seconds))}<b>{t.status.keep}</b>
        </button>
      )}
    </div>
  );
}

/** Group, quota and time left, in JupyterLab's status bar. */
export function statusItem(texts: Texts, platform: Platform, onKeep: () => void): ReactWidget {
  return ReactWidget.create(<TextsContext.Provider value={texts}><Status platform={platform} onKeep={onKeep} /></TextsContext.Provider>);
}
