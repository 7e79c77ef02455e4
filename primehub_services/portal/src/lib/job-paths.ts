import type { Me } from '../api/types';

export const isMember = (me: Me, group: string) => me.groups.some((g) => g.group === group);

/** A job's page: in its group for the group's people, else among all jobs, where a platform admin reads it. */
export const jobPath = (me: Me, group: string, id: string) => (isMember(me, group) ? `/g/${group}/jobs/${id}` : `/admin/jobs/${id}`);
