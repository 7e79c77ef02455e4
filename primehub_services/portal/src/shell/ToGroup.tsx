import { Navigate, useLocation } from 'react-router';
import { useMe } from '../lib/session';
import { recall } from '../lib/storage';
import { NoGroup } from './NoGroup';

/**
 * To the group of the address's `?group=`, else the last one, else the first. A wanted group that is not there for this person
 * stays in the address: the page that opens instead says so.
 */
export function ToGroup({ page }: { page: string }) {
  const me = useMe();
  const { search } = useLocation();
  const query = new URLSearchParams(search);
  const named = (wanted: string | null) => me.groups.find((g) => g.group === wanted || g.name === wanted);
  const asked = named(query.get('group'));
  const group = asked ?? named(recall('group', '')) ?? me.groups[0];
  if (group === undefined) return <NoGroup />;
  if (asked) query.delete('group');
  const rest = query.size > 0 ? `?${query}` : '';
  return <Navigate replace to={`/g/${group.group}/${page}${rest}`} />;
}
