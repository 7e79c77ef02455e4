import { Modal, Switch } from 'antd';
import { useId } from 'react';
import { useFocusBack } from '../lib/focus-back';
import { useRemembered } from '../lib/storage';
import { t } from '../text';

/** Every key, and the way to switch those of one letter off. */
export default function KeyHelp({ onClose }: { onClose: () => void }) {
  useFocusBack();
  const [on, turn] = useRemembered('keys', true);
  const id = useId();
  return (
    <Modal open onCancel={onClose} title={t.keys.title} width={440} footer={null}>
      <dl className="keyList">
        {t.keys.list.map(([keys, what]) => <div key={what}><dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>)}
      </dl>
      <p className="keySwitch"><Switch checked={on} onChange={turn} aria-labelledby={id} size="small" /><span id={id} className="small">{t.keys.single}</span></p>
    </Modal>
  );
}
