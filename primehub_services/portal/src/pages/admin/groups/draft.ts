import type { Group } from '../../../api/admin';
import { bytes, count, gib } from '../../../lib/format';
import { itself, known } from '../../../lib/known';
import { RESOURCES, bare, show, type Resource } from '../../../lib/resources';
import { showTimeout } from '../../../parts/form/fields';
import type { Errors, Words } from '../../../parts/form/form';
import { t } from '../../../text';
import { a } from '../../../text/admin';

const words = a.groups;
type Limit = number | null;
export type Role = 'member' | 'admin';
export type Writing = 'read' | 'write';

/** A group's own fields as the form has them: cores, GiB, GPUs; null is no limit. */
export type GroupDraft = {
  name: string; display_name: string; description: string;
  user_cpu: Limit; user_memory: Limit; user_gpu: Limit; group_cpu: Limit; group_memory: Limit; group_gpu: Limit;
  shared_volume: boolean; shared_volume_capacity: Limit; launch_group_only: boolean; pod_security: Group['pod_security'];
  idle_timeout: number | null; job_timeout: number | null;
};

const memory = (value: string | null | undefined): Limit => (value === null || value === undefined ? null : Math.round(gib(value) * 1000) / 1000);
const toMemory = (value: Limit) => (value === null ? null : `${Math.round(bytes(value) / 1024 ** 2)}Mi`);

export const draftOf = (group: Group): GroupDraft => ({
  name: group.name, display_name: group.display_name, description: group.description,
  user_cpu: group.user_quota.cpu ?? null, user_memory: memory(group.user_quota.memory), user_gpu: group.user_quota.gpu ?? null,
  group_cpu: group.group_quota.cpu ?? null, group_memory: memory(group.group_quota.memory), group_gpu: group.group_quota.gpu ?? null,
  shared_volume: group.shared_volume, shared_volume_capacity: group.shared_volume_capacity, launch_group_only: group.launch_group_only,
  pod_security: group.pod_security, idle_timeout: group.idle_timeout, job_timeout: group.job_timeout,
});

export const newDraft: GroupDraft = {
  name: '', display_name: '', description: '', user_cpu: 0.5, user_memory: null, user_gpu: 0, group_cpu: null, group_memory: null, group_gpu: null,
  shared_volume: true, shared_volume_capacity: null, launch_group_only: true, pod_security: 'restricted',
  idle_timeout: null, job_timeout: null,
};

/** What the API is sent of the fields; all of a quota goes together. */
export function fieldsOf(draft: GroupDraft, keys: readonly (keyof GroupDraft)[]) {
  const has = (part: string) => keys.some((key) => key.startsWith(part));
  const plain = Object.fromEntries(keys.filter((key) => !/^(user|group)_/.test(key)).map((key) => [key, draft[key]]));
  return {
    ...plain,
    ...(has('user_') && { user_quota: { cpu: draft.user_cpu, memory: toMemory(draft.user_memory), gpu: draft.user_gpu } }),
    ...(has('group_') && { group_quota: { cpu: draft.group_cpu, memory: toMemory(draft.group_memory), gpu: draft.group_gpu } }),
  };
}

/** One person may not have more than the group. */
export function check(draft: GroupDraft): Errors<GroupDraft> {
  const wrong: Errors<GroupDraft> = {};
  if (draft.name.trim() === '') wrong.name = t.form.needed;
  for (const resource of RESOURCES) {
    const [person, group] = [draft[`user_${resource}`], draft[`group_${resource}`]];
    if (person !== null && group !== null && person > group) wrong[`user_${resource}`] = words.tooMuch(bare(resource, group));
  }
  return wrong;
}

const shown = (resource: Resource) => (value: Limit) => (value === null ? t.form.noLimit.toLowerCase() : show(resource, value));
const yes = (value: boolean) => (value ? t.notebook.facts.on : t.notebook.facts.off);

export const labels: Words<GroupDraft> = {
  name: { label: words.name },
  display_name: { label: words.displayName },
  description: { label: words.description },
  user_cpu: { label: words.forEach(t.resource.cpu!), show: shown('cpu'), field: 'user_quota.cpu' },
  user_memory: { label: words.forEach(t.resource.memory!), show: shown('memory'), field: 'user_quota.memory' },
  user_gpu: { label: words.forEach(t.resource.gpu!), show: shown('gpu'), field: 'user_quota.gpu' },
  group_cpu: { label: words.forAll(t.resource.cpu!), show: shown('cpu'), field: 'group_quota.cpu' },
  group_memory: { label: words.forAll(t.resource.memory!), show: shown('memory'), field: 'group_quota.memory' },
  group_gpu: { label: words.forAll(t.resource.gpu!), show: shown('gpu'), field: 'group_quota.gpu' },
  shared_volume: { label: words.volumeOn, show: yes },
  shared_volume_capacity: { label: words.capacity, show: (value) => (value === null ? words.volumeOpen : words.volumeOf(count(value))) },
  launch_group_only: { label: words.launchOnly, show: yes },
  pod_security: { label: words.podSecurity, show: (value) => known(words.levels, value)?.label ?? itself(value) },
  idle_timeout: { label: words.idle, show: showTimeout },
  job_timeout: { label: words.jobLimit, show: showTimeout },
};
