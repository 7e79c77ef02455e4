import { Button, type MenuProps } from 'antd';
import { Check, CircleUser } from 'lucide-react';
import { useNavigate } from 'react-router';
import { hub } from '../lib/base';
import { useMe } from '../lib/session';
import { useTheme } from '../lib/theme-context';
import type { Choice } from '../lib/theme-mode';
import { Drop } from '../parts/Drop';
import { t } from '../text';

const themes: Choice[] = ['system', 'light', 'dark'];

export function ProfileMenu() {
  const me = useMe();
  const go = useNavigate();
  const { choice, choose } = useTheme();
  const items: MenuProps['items'] = [
    { key: 'profile', label: t.shell.profile, onClick: () => void go('/profile') },
    ...(me.local ? [{ key: 'password', label: <a href={hub.changePassword}>{t.shell.password}</a> }] : []),
    { key: 'tokens', label: t.shell.tokens, onClick: () => void go('/tokens') },
    { key: 'notifications', label: t.shell.notifications, onClick: () => void go('/notifications') },
    { type: 'divider' },
    {
      type: 'group',
      label: t.shell.theme,
      children: themes.map((theme) => ({
        key: theme,
        label: t.shell.themes[theme],
        icon: <Check size={14} aria-hidden style={{ visibility: choice === theme ? 'visible' : 'hidden' }} />,
        'aria-current': choice === theme ? 'true' : undefined,
        onClick: () => choose(theme),
      })),
    },
    { type: 'divider' },
    ...(me.platform_admin ? [{ key: 'admin', label: t.shell.adminPortal, onClick: () => void go('/admin/groups') }] : []),
    { key: 'hub', label: <a href={hub.controlPanel}>{t.shell.controlPanel}</a> },
    ...(me.platform_admin ? [{ key: 'hub-admin', label: <a href={hub.admin}>{t.shell.hubAdmin}</a> }] : []),
    { type: 'divider' },
    { key: 'logout', label: <a href={hub.logout}>{t.shell.logout}</a> },
  ];
  return (
    <Drop menu={() => ({ items })} placement="bottomRight">
      <Button type="text" aria-label={t.shell.profileMenu(me.display_name || me.name)} icon={<CircleUser size={17} strokeWidth={1.75} aria-hidden />}>
        <span className="meName">{me.display_name || me.name}</span>
      </Button>
    </Drop>
  );
}
