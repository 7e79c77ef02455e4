import { useEffect, useRef } from 'react';
import { useTexts } from '../react';
import type { Option } from './choose';

/** One of several, each with what it is and, where it cannot be chosen, why. */
export function Choices({ title, name, options, value, none, onChange }: {
  title: string; name: string; options: readonly Option[]; value: string | null; none: string; onChange: (slug: string) => void;
}) {
  const t = useTexts();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chosen = list.current?.querySelector<HTMLElement>('input:checked')?.closest<HTMLElement>('label');
    // the list alone is scrolled, not the dialog around it
    if (chosen && list.current) list.current.scrollTop = chosen.offsetTop - list.current.offsetTop - 8;
  }, []);
  return (
    <fieldset className="jp-PrimeHub-choices">
      <legend>{title}</legend>
      {options.length === 0 ? <p className="jp-PrimeHub-muted">{none}</p> : (
        <div ref={list}>
          {options.map((option) => (
            <label key={option.slug} className={option.disabled ? 'jp-mod-disabled' : ''}>
              <input type="radio" name={name} value={option.slug} checked={option.slug === value} disabled={option.disabled !== ''} onChange={() => onChange(option.slug)} />
              <span>
                <span className="jp-PrimeHub-choice-name">{option.label}{option.own && <em>{t.dialog.yours}</em>}</span>
                {option.note !== '' && <small>{option.note}</small>}
                {option.disabled !== '' && <small className="jp-PrimeHub-why">{option.disabled}</small>}
              </span>
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}
