import { Button } from 'antd';
import { CircleAlert, Upload } from 'lucide-react';
import { useId, useRef, useState } from 'react';
import type { Fields } from '../../../parts/form/form';
import { a } from '../../../text/admin';

const words = a.settings;
const KINDS = ['image/png', 'image/svg+xml', 'image/jpeg', 'image/webp'];
const MOST = 500_000;

/** A picture from this computer, kept as a data URL in the settings. */
export function Logo({ form }: { form: Fields<{ name: string; logo: string }> }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState('');
  const { logo } = form.draft;
  const read = (file: File | undefined) => {
    if (!file) return;
    setWrong(!KINDS.includes(file.type) ? words.logoKind : file.size > MOST ? words.logoTooBig : '');
    if (!KINDS.includes(file.type) || file.size > MOST) return;
    const reader = new FileReader();
    reader.onload = () => form.set({ logo: reader.result as string });
    reader.readAsDataURL(file);
  };
  const error = wrong || form.error('logo');
  return (
    <div className="field">
      <span className="label" id={id}>{words.logo}</span>
      <div className="logoRow">
        <span className="logoBox">{logo ? <img src={logo} alt={words.logoNew} /> : <small>{words.logoOwn}</small>}</span>
        <input ref={input} type="file" hidden accept={KINDS.join()} aria-labelledby={id} onChange={({ target }) => {
          read(target.files?.[0]);
          target.value = ''; // the same file chosen again is a change too
        }} />
        <Button icon={<Upload size={14} aria-hidden />} onClick={() => input.current?.click()}>{words.logoChoose}</Button>
        {logo !== '' && <Button type="text" onClick={() => form.set({ logo: '' })}>{words.logoRemove}</Button>}
      </div>
      {error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{error}</p>}
      <p className="help">{words.logoHelp}</p>
    </div>
  );
}
