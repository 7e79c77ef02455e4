import type { DropdownProps, MenuProps } from 'antd';
import { Suspense, cloneElement, lazy, useState, type ButtonHTMLAttributes, type ReactElement } from 'react';

const part = () => import('./Dropdown');
const Dropdown = lazy(part);

/**
 * A button with a menu under it. There are many and few are ever opened, and what draws them is a tenth of Home: until the first
 * click it is the button alone, and their part of the program comes as soon as the pointer or the focus is near.
 */
export function Drop({ menu, onOpenChange, children, ...rest }: {
  menu: () => MenuProps; onOpenChange?: (open: boolean) => void; children: ReactElement<ButtonHTMLAttributes<HTMLElement>>;
} & Pick<DropdownProps, 'placement' | 'popupRender'>) {
  const [used, setUsed] = useState(false);
  const [open, setOpen] = useState(true);
  if (!used) return cloneElement(children, { 'aria-haspopup': 'menu', onPointerEnter: () => void part(), onFocus: () => void part(), onClick: () => setUsed(true) });
  // in its place in the menu it is another element, which takes over the focus
  const button = cloneElement(children, { 'aria-haspopup': 'menu', autoFocus: true });
  return (
    <Suspense fallback={button}>
      <Dropdown trigger={['click']} open={open} menu={menu()} onOpenChange={(now) => {
        setOpen(now);
        onOpenChange?.(now);
      }} {...rest}>{button}</Dropdown>
    </Suspense>
  );
}
