import type { Notebook } from '../../api/types';
import { useNow } from '../../lib/clock';
import { count, duration } from '../../lib/format';
import { t } from '../../text';
import { stagesOf } from './stages';

const brief = (seconds: number) => (seconds < 10 ? `${count(Math.max(0, Math.round(seconds * 10) / 10))} s` : duration(seconds));

export function StageBar({ notebook, usually = null }: { notebook: Notebook; usually?: number | null }) {
  const now = useNow(500);
  return (
    <ol className="stages">
      {stagesOf(notebook, now).map(({ name, is, seconds }) => (
        <li key={name} className={is} aria-current={is === 'now' ? 'step' : undefined} style={{ flexGrow: is === 'now' ? 2.2 : 1 }}>
          <b>{t.notebook.stages[name]}</b>
          <i aria-hidden className={is === 'now' ? 'open' : undefined} />
          <span>{name === 'ready' && usually !== null ? t.notebook.usuallyIn(duration(usually)) : seconds === null ? ' ' : brief(seconds)}</span>
        </li>
      ))}
    </ol>
  );
}
