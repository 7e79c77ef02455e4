import { useEffect, useState } from 'react';

/**
 * Gives the focus back to what had it before this dialog. antd does so where a dialog closes; one that is simply not there any more
 * would leave the keyboard at the top of the page.
 */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(() => () => {
    // once the dialog is gone, and only where nothing else has taken the focus
    setTimeout(() => {
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    });
  }, [before]);
}
