import type { LaunchOptions } from '../../api/types';
import { Panel } from '../../parts/page';
import { t } from '../../text';

export function Volumes({ volumes }: { volumes: LaunchOptions['volumes'] }) {
  return (
    <Panel title={t.notebook.volumes}>
      <ul className="plain">
        <li><code>/home/jovyan</code><span className="muted">{t.notebook.volumeHome}</span></li>
        {volumes.map((v) => (
          <li key={`${v.type}/${v.slug}`}>
            <code>{v.type === 'project' ? `/project/${v.slug}` : `/datasets/${v.slug}`}</code>
            <span className="muted">{v.left_out ? t.notebook.leftOut(v.left_out) : v.type === 'project' ? t.notebook.volumeGroup : v.writable ? t.notebook.readWrite : t.notebook.readOnly}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
