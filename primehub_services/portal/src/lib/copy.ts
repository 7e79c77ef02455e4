/** To the clipboard. Without https the browser has no clipboard to write to by itself: then by the event of a copy. */
export async function copyText(text: string): Promise<void> {
  // the types promise one everywhere
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard) return clipboard.writeText(text);
  const put = (event: ClipboardEvent) => {
    event.preventDefault();
    event.clipboardData?.setData('text/plain', text);
  };
  document.addEventListener('copy', put, { once: true });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way there is
  const done = document.execCommand('copy');
  document.removeEventListener('copy', put);
  if (!done) throw new Error('nothing was copied');
}
