import { Drawer } from 'antd';
import { useFocusBack } from '../lib/focus-back';
import { t } from '../text';
import { SideMenu } from './SideMenu';

/** The side menu on phones. */
export default function MenuDrawer({ open, onClose }: { open: boolean; onClose: () => void }) {
  useFocusBack();
  return (
    <Drawer open={open} onClose={onClose} placement="left" size={264} title={t.product} styles={{ body: { padding: '8px 0' } }}>
      <SideMenu />
    </Drawer>
  );
}
