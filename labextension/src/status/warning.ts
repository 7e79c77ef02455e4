import { Notification } from '@jupyterlab/apputils';
import { about } from '../lib/format';
import type { Platform } from '../platform';
import type { Texts } from '../text';
import { timeLeft } from './Status';

/** Once for each end that comes near: a notice that stays until it is answered, and goes when the end went away. */
export function warnOfTheEnd(platform: Platform, t: Texts, keep: () => void): void {
  let shown: string | null = null;
  platform.changed.connect(() => {
    const left = timeLeft(platform, Date.now());
    if (left?.soon !== true) {
      if (shown !== null) Notification.dismiss(shown);
      shown = null;
      return;
    }
    shown ??= Notification.warning(t.status.soon(about(left.seconds)), { autoClose: false, actions: [{ label: t.status.keep, callback: keep }] });
  });
}
