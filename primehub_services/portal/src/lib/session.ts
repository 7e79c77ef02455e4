import { createContext, useContext } from 'react';
import { useParams } from 'react-router';
import type { Me, MyGroup } from '../api/types';

export const SessionContext = createContext<Me | null>(null);

/** Who is signed in. Pages below the shell always have one. */
export function useMe(): Me {
  const me = useContext(SessionContext);
  if (me === null) throw new Error('useMe needs the shell around it');
  return me;
}

export const nameOf = (group: MyGroup) => group.display_name || group.name;

/** The working group: the one in the address. Pages below /g/:group always have one. */
export function useGroup(): MyGroup {
  const me = useMe();
  const { group } = useParams();
  const found = me.groups.find((g) => g.group === group);
  if (found === undefined) throw new Error('useGroup needs a page below /g/:group');
  return found;
}

export const groupNamed = (me: Me, slug: string) => {
  const group = me.groups.find((g) => g.group === slug);
  return group ? nameOf(group) : slug;
};
