import { recall } from './storage';

/** Whether a key is meant for what has the focus, or for a dialog, and not for the page; or keys are switched off. */
export function typing(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !recall<boolean>('keys', true)) return true;
  const target = event.target as HTMLElement;
  return target.isContentEditable || target.closest('input:not([type=radio], [type=checkbox]), textarea, select, [role=dialog], [role=menu], [role=combobox]') !== null;
}
