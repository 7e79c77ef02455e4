import { useQuery } from '@tanstack/react-query';
import { admin } from '../../../api/admin';

/** What of the catalog a group may use, whether by being one of all or by name. Undefined while it is not known. */
export function useGiven(group: string) {
  const { data } = useQuery(admin.catalog());
  return data && {
    types: data.types.filter((x) => x.all_groups || x.groups.includes(group)),
    images: data.images.filter((x) => x.group === group || (x.group === null && (x.all_groups || x.groups.includes(group)))),
    volumes: data.volumes.filter((x) => x.all_groups || x.groups.some((g) => g.group === group)),
  };
}
