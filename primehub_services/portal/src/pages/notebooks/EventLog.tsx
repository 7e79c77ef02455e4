import { Button } from 'antd';
import { useState } from 'react';
import type { Notebook } from '../../api/types';
import { clock, exact } from '../../lib/format';
import { copyText } from '../../lib/copy';
import { Panel } from '../../parts/page';
import { t } from '../../text';

export function EventRows({ notebook, waiting }: { notebook: Notebook; waiting: boolean }) {
  return (
    <div className="log" tabIndex={0} role="log" aria-label={t.notebook.eventLog}>
      {notebook.events.map((event, i) => (
        <div className="row timed" key={i}><time dateTime={event.at} title={exact(event.at)}>{clock(event.at)}</time><span>{event.message}</span></div>
      ))}
      {waiting && <div className="row timed caret"><span aria-hidden /><span>{t.notebook.waitingEvent}</span></div>}
    </div>
  );
}

export function EventLog({ notebook }: { notebook: Notebook }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    const text = notebook.events.map((e) => `${e.at} ${e.message}`).join('\n');
    void copyText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    });
  };
  return (
    <Panel title={t.notebook.eventLog} className="flush grow" extra={<Button size="small" type="text" onClick={copy}>{copied ? t.notebook.copied : t.notebook.copy}</Button>}>
      <EventRows notebook={notebook} waiting={notebook.phase === 'STARTING'} />
    </Panel>
  );
}
