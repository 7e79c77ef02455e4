import type { MenuProps } from 'antd';
import { Ellipsis } from 'lucide-react';
import type { ComponentProps } from 'react';
import { Drop } from '../Drop';

/** An icon that does something with its row. A plain button: a page has a hundred of them. */
export const RowButton = ({ label, className = '', ...rest }: { label: string } & ComponentProps<'button'>) => <button type="button" className={`rowButton ${className}`} aria-label={label} {...rest} />;

/** What else can be done with a row. */
export const RowMenu = ({ label, items }: { label: string; items: () => NonNullable<MenuProps['items']> }) => (
  <Drop menu={() => ({ items: items() })}><RowButton label={label}><Ellipsis size={15} aria-hidden /></RowButton></Drop>
);
