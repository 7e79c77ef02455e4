import { Button } from 'antd';
import { ChevronsUpDown } from 'lucide-react';
import { useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { nameOf, useMe } from '../lib/session';
import { Drop } from '../parts/Drop';
import { t } from '../text';
import { samePage } from './same-page';
import { useWorkingGroup } from './SideMenu';

const MANY = 8;

/** The working group. Switching keeps the page and what its list shows: `/g/a/jobs?view=failed` becomes `/g/b/jobs?view=failed`. */
export function GroupSwitch() {
  const me = useMe();
  const current = useWorkingGroup();
  const go = useNavigate();
  const { pathname, search } = useLocation();
  const [find, setFind] = useState('');
  if (current === null) return null;
  const page = samePage(pathname, search);
  const name = nameOf(me.groups.find((g) => g.group === current)!);
  const shown = me.groups
    .filter((g) => `${nameOf(g)} ${g.name}`.toLowerCase().includes(find.toLowerCase()))
    .sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  return (
    <Drop
      onOpenChange={() => setFind('')}
      menu={() => ({
        selectedKeys: [current],
        onClick: ({ key }) => void go(`/g/${key}/${page}`),
        items: [{
          type: 'group',
          label: shown.length > 0 ? t.shell.workingGroup : t.shell.noGroupMatches,
          children: shown.map((g) => ({ key: g.group, label: nameOf(g) })),
        }],
      })}
      popupRender={(menu) => (me.groups.length <= MANY ? menu : (
        <div className="menuBox">
          <div className="findGroup"><input type="search" placeholder={t.shell.findGroup} aria-label={t.shell.findGroup} value={find} onChange={(event) => setFind(event.target.value)} /></div>
          {menu}
        </div>
      ))}
    >
      <Button className="group" aria-label={t.shell.switchGroup(name)}>
        <span className="muted">{`${t.shell.group} `}</span><span>{name}</span><ChevronsUpDown size={14} aria-hidden style={{ flex: 'none' }} />
      </Button>
    </Drop>
  );
}
