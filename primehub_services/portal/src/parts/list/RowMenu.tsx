import { Dropdown, type MenuProps } from 'antd';
import { Ellipsis } from 'lucide-react';
import { useState, type ComponentProps } from 'react';

/** An icon that does something with its row. A plain button: a page has a hundred of them. */
export const RowButton = ({ label, className = '', ...rest }: { label: string } & ComponentProps<'button'>) => <button type="button" className={`rowButton ${className}`} aria-label={label} {...rest} />;

/** What else can be done with a row. Every row has one and few are ever opened: until then it is a button alone. */
export function RowMenu({ label, items }: { label: string; items: () => NonNullable<MenuProps['items']> }) {
  const [used, use] = useState(false);
  const [open, setOpen] = useState(true);
  // in its place in the menu it is another element, which takes over the focus
  const button = <RowButton label={label} aria-haspopup="menu" autoFocus={used} onClick={used ? undefined : () => use(true)}><Ellipsis size={15} aria-hidden /></RowButton>;
  if (!used) return button;
  return <Dropdown trigger={['click']} open={open} onOpenChange={setOpen} menu={{ items: items() }}>{button}</Dropdown>;
}
