import type { LaunchOptions } from '../../api/types';
import { Panel } from '../../parts/page';
import { t } from '../../text';

/** Every folder that the notebook will have, and the volumes that it will not. */
export function Volumes({ options, safeMode }: { options: LaunchOptions; safeMode: boolean }) {
  return (
    <Panel title={t.notebook.volumes}>
      <ul className="plain">
        {options.mounts.map((mount) => (
          <li key={mount.path}>
            <span>
              {[safeMode ? mount.safe_mode_path : mount.path, ...mount.links.map(inHome)].map((path) => <div key={path}><code>{path}</code></div>)}
            </span>
            <span className="muted">
              {mount.left_out ? t.notebook.leftOut(mount.left_out) : mount.kind === 'home' ? t.notebook.volumeHome
                : mount.kind === 'project' && mount.writable ? t.notebook.volumeGroup
                  : mount.writable ? t.notebook.readWrite : t.notebook.readOnly}
            </span>
          </li>
        ))}
        {options.volumes.filter((volume) => volume.left_out).map((volume) => (
          <li key={volume.slug}><code>{volume.slug}</code><span className="muted">{t.notebook.leftOut(volume.left_out)}</span></li>
        ))}
      </ul>
    </Panel>
  );
}

const inHome = (path: string) => path.replace(/^\/home\/jovyan\//, '~/');
