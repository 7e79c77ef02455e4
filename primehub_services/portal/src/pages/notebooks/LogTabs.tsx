import { Tabs } from 'antd';
import { useSearchParams } from 'react-router';
import type { Notebook } from '../../api/types';
import { t } from '../../text';
import { EventRows } from './EventLog';
import { LogView } from '../../parts/LogView';
import { notebookLog } from '../../parts/log';
import { UsageOver } from './NotebookUsage';
import { StageBar } from './StageBar';

/** The log, live and after the end, and what happened at the start. Which is shown is in the address. */
export function LogTabs({ notebook }: { notebook: Notebook }) {
  const [query, setQuery] = useSearchParams();
  return (
    <Tabs
      destroyOnHidden
      activeKey={['events', 'usage'].find((tab) => tab === query.get('tab')) ?? 'log'}
      onChange={(key) => setQuery((before) => {
        before.set('tab', key);
        return before;
      }, { replace: true })}
      items={[
        { key: 'log', label: t.notebook.log, children: <LogView source={notebookLog(notebook.id)} ended={notebook.ended_at !== null} /> },
        { key: 'usage', label: t.notebook.usage, children: <UsageOver notebook={notebook} /> },
        {
          key: 'events',
          label: t.notebook.events,
          children: <><div style={{ padding: '16px 0 4px' }}><StageBar notebook={notebook} /></div><div className="logBox"><EventRows notebook={notebook} waiting={false} /></div></>,
        },
      ]}
    />
  );
}
