import { Ban, TriangleAlert } from 'lucide-react';
import { useId, type ReactNode } from 'react';
import type { BudgetLine, ImageOption, InstanceTypeOption } from '../api/types';
import { bare, number, show } from '../lib/resources';
import { t } from '../text';
import { label, lacks, pairFits, sorted } from './fit';

function Choice({ name, checked, disabled, title, about, onPick, children }: {
  name: string; checked: boolean; disabled: boolean; title: string; about: ReactNode; onPick: () => void; children: ReactNode;
}) {
  const id = useId();
  return (
    <label className={`choice${checked ? ' on' : ''}${disabled ? ' off' : ''}`}>
      <input type="radio" name={name} checked={checked} disabled={disabled} onChange={onPick} aria-labelledby={`${id}-t`} aria-describedby={`${id}-a ${id}-n`} />
      <b id={`${id}-t`}>{title}</b>
      <span className="about" id={`${id}-a`}>{about}</span>
      <span id={`${id}-n`} style={{ display: 'contents' }}>{children}</span>
    </label>
  );
}

const Never = ({ children }: { children: ReactNode }) => <span className="why"><Ban size={14} aria-hidden /><span>{children}</span></span>;
const NotNow = ({ children }: { children: ReactNode }) => <span className="why warn"><TriangleAlert size={14} aria-hidden /><span>{children}</span></span>;

export function TypeChoices({ types, chosen, last, budgets, onPick }: {
  types: readonly InstanceTypeOption[]; chosen: string | null; last: string | null; budgets: readonly BudgetLine[]; onPick: (slug: string) => void;
}) {
  const name = useId();
  return (
    <fieldset className="choices types">
      <legend className="sr">{t.notebook.type}</legend>
      {sorted(types).map((type) => {
        const lack = type.disabled ? '' : lacks(type, budgets);
        const about = type.disabled ? <Never>{type.disabled}</Never>
          : lack ? <NotNow>{t.notebook.notNow(lack)}</NotNow>
            : <>{type.description}{last === type.slug && <span className="chip">{t.notebook.last}</span>}</>;
        return (
          <Choice key={type.slug} name={name} title={label(type)} about={about} checked={chosen === type.slug} disabled={type.disabled !== ''} onPick={() => onPick(type.slug)}>
            {(['cpu', 'memory', 'gpu'] as const).map((resource) => {
              const value = number(type.limits, resource) ?? 0;
              if (value === 0) return <span key={resource} className="num muted" aria-hidden>–</span>;
              return <span key={resource} className="num">{bare(resource, value)}<small> {show(resource, value).split(' ')[1]}</small></span>;
            })}
          </Choice>
        );
      })}
    </fieldset>
  );
}

export function ImageChoices({ images, type, chosen, last, onPick }: {
  images: readonly ImageOption[]; type: InstanceTypeOption | null; chosen: string | null; last: string | null; onPick: (slug: string) => void;
}) {
  const name = useId();
  return (
    <fieldset className="choices images">
      <legend className="sr">{t.notebook.image}</legend>
      {sorted(images).map((image) => {
        const disabled = image.disabled !== '' || !pairFits(type, image);
        return (
          <Choice key={image.slug} name={name} title={label(image)} checked={chosen === image.slug} disabled={disabled} onPick={() => onPick(image.slug)}
            about={<AboutImage image={image} type={type} last={last === image.slug} />}>
            <span className="num"><small>{t.notebook.kinds[image.kind]}{image.group !== null && `, ${t.notebook.groupImage}`}</small></span>
          </Choice>
        );
      })}
    </fieldset>
  );
}

function AboutImage({ image, type, last }: { image: ImageOption; type: InstanceTypeOption | null; last: boolean }) {
  if (image.phase === 'BUILDING') {
    return (
      <span className="why">
        <span className="buildBar" role="progressbar" aria-label={t.notebook.buildingImage(image.progress)} aria-valuenow={image.progress} aria-valuemin={0} aria-valuemax={100}>
          <i style={{ width: `${Math.max(4, image.progress)}%` }} />
        </span>
        <span>{t.notebook.buildingImage(image.progress)}</span>
      </span>
    );
  }
  if (image.phase === 'PENDING') return <span className="why">{t.notebook.pendingImage}</span>;
  if (image.disabled) return <Never>{image.disabled}</Never>;
  if (!pairFits(type, image)) return <Never>{t.notebook.needsGpu}</Never>;
  if (image.kind === 'cpu' && type !== null && type.limits.gpu > 0) return <NotNow>{t.notebook.cpuOnGpu}</NotNow>;
  return <>{image.description}{last && <span className="chip">{t.notebook.last}</span>}</>;
}
