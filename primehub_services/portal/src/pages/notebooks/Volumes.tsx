import { useQuery } from '@tanstack/react-query';
import { ask } from '../../api/queries';
import type { LaunchOptions } from '../../api/types';
import { useGroup } from '../../lib/session';
import { Panel } from '../../parts/page';
import { t } from '../../text';

/** Every folder that the notebook will have. */
export function Volumes({ volumes, safeMode }: { volumes: LaunchOptions['volumes']; safeMode: boolean }) {
  const { group } = useGroup();
  const { data } = useQuery(ask.group(group));
  return (
    <Panel title={t.notebook.volumes}>
      <ul className="plain">
        <li><code>{safeMode ? '/home/jovyan/user' : '/home/jovyan'}</code><span className="muted">{t.notebook.volumeHome}</span></li>
        {data?.shared_volume && <li><code>/project/{group}</code><span className="muted">{t.notebook.volumeGroup}</span></li>}
        {volumes.map((volume) => (
          <li key={volume.slug}>
            <code>/datasets/{volume.slug}</code>
            <span className="muted">{volume.left_out ? t.notebook.leftOut(volume.left_out) : volume.writable ? t.notebook.readWrite : t.notebook.readOnly}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
