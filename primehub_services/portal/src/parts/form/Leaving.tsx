import { Button, Modal } from 'antd';
import { useEffect } from 'react';
import { useBlocker } from 'react-router';
import { useUnsaved } from '../../lib/unsaved';
import { t } from '../../text';

/** For `navigate`: nothing is asked, since what the changes are of is gone. */
export const UNASKED = { state: { unasked: true } };

/** Asks before changes that are not saved are lost: by a link, by the way back, by closing the tab. Once on a page. */
export function Leaving({ changes }: { changes: number }) {
  const any = changes > 0;
  const blocker = useBlocker(({ currentLocation, nextLocation }) => any && (nextLocation.state as { unasked?: boolean } | null)?.unasked !== true && (currentLocation.pathname !== nextLocation.pathname || currentLocation.search !== nextLocation.search));
  useUnsaved(any);
  const blocked = blocker.state === 'blocked';
  useEffect(() => {
    // what was saved while the question stood needs no answer
    if (blocked && changes === 0) blocker.proceed();
  }, [blocked, blocker, changes]);
  const stay = () => blocker.reset?.();
  return (
    <Modal open={blocked} onCancel={stay} title={t.form.leave.title} width={440} footer={(
      <>
        <Button onClick={stay}>{t.form.leave.keep}</Button>
        <Button type="primary" danger onClick={() => blocker.proceed?.()}>{t.form.leave.go}</Button>
      </>
    )}>
      <p className="small">{t.form.leave.lose(changes)}</p>
    </Modal>
  );
}
