import { Button, type ButtonProps } from 'antd';
import { useHref, useNavigate } from 'react-router';

/** A link that looks like a button: it opens in another tab as links do. */
export function LinkButton({ to, ...rest }: ButtonProps & { to: string }) {
  const go = useNavigate();
  const href = useHref(to);
  return (
    <Button {...rest} href={href} onClick={(event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      void go(to);
    }} />
  );
}
