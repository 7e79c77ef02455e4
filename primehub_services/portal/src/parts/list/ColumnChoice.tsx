import { Checkbox, Popover } from 'antd';
import { useState, type ReactNode } from 'react';
import { t } from '../../text';

/** Which columns a list shows; open from the start, for it is made when somebody asks for it. */
export default function ColumnChoice({ choices, shown, onToggle, children }: {
  choices: readonly { key: string; title: string }[]; shown: readonly string[]; onToggle: (key: string) => void; children: ReactNode;
}) {
  const [open, setOpen] = useState(true);
  return (
    <Popover trigger="click" placement="bottomRight" open={open} onOpenChange={setOpen} content={(
      <fieldset className="checks columnChoice"><legend className="sr">{t.list.columns}</legend>
        {choices.map(({ key, title }) => <Checkbox key={key} checked={shown.includes(key)} onChange={() => onToggle(key)}>{title}</Checkbox>)}
      </fieldset>
    )}>
      {children}
    </Popover>
  );
}
