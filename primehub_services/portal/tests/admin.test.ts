import { describe, expect, it } from 'vitest';
import { admin, type AuditEvent, type Group, type Part } from '../src/api/admin';
import { ask } from '../src/api/queries';
import { check, draftOf, fieldsOf, labels, newDraft } from '../src/pages/admin/groups/draft';
import { sorted } from '../src/pages/admin/platform/Health';
import { actorOf, told } from '../src/pages/admin/platform/sentence';

const event = (action: string, target: string, more: Partial<AuditEvent> = {}): AuditEvent => ({ id: 1, at: '2026-11-29T12:00:00Z', actor: 'ann', action, target, group: null, details: {}, ...more });

describe('an entry of the audit log', () => {
  it('says what of a quota was changed, not the whole quota', () => {
    const changes = { user_quota: { from: { cpu: 4, memory: null, gpu: 2 }, to: { cpu: 4, memory: null, gpu: 4 } } };
    expect(told(event('group.update', 'vision-lab', { group: 'vision-lab', details: { changes } })).changes).toEqual(['user quota gpu: 2 to 4']);
  });

  it('says who came into which group, and as what', () => {
    const entry = told(event('membership.create', 'bo', { group: 'lab', details: { role: 'admin' } }));
    expect([entry.text, entry.target, entry.to, entry.changes]).toEqual(['put bo into', 'lab', '/admin/groups/lab', ['as group admin']]);
  });

  it('leads to what is still there alone', () => {
    expect(told(event('image.create', 'base')).to).toBe('/admin/images/base');
    expect(told(event('image.delete', 'base')).to).toBeNull();
  });

  it('reads fields that stand by themselves, and says no secret', () => {
    expect(told(event('secret.update', 'key', { details: { value: 'changed', groups: { from: [], to: ['lab'] } } })).changes).toEqual(['value changed', 'groups: nothing to lab']);
  });

  it('names the platform as such', () => {
    expect(actorOf('service:primehub')).toBe('The platform');
    expect(actorOf('ann')).toBe('ann');
  });
});

const group = {
  name: 'lab', display_name: 'Lab', description: '', user_quota: { cpu: 0.5, memory: '512Mi', gpu: 0 }, group_quota: { cpu: 8, memory: null, gpu: 4 }, shared_volume: true, shared_volume_capacity: null,
  launch_group_only: true, pod_security: 'restricted', idle_timeout: null, job_timeout: 0,
} as Group;

describe('the form of a group', () => {
  it('has memory in GiB and sends back the same', () => {
    const draft = draftOf(group);
    expect(draft.user_memory).toBe(0.5);
    expect(fieldsOf(draft, ['user_memory'])).toEqual({ user_quota: { cpu: 0.5, memory: '512Mi', gpu: 0 } });
  });

  it('sends only what was changed', () => {
    expect(fieldsOf({ ...draftOf(group), job_timeout: 60 }, ['job_timeout'])).toEqual({ job_timeout: 60 });
  });

  it('reads a level by its name, and says the same when nothing was changed', () => {
    expect(labels.pod_security.show!(draftOf({ ...group, pod_security: 'baseline' }).pod_security)).toBe('Baseline');
    expect(fieldsOf({ ...draftOf(group), pod_security: 'baseline' }, ['pod_security'])).toEqual({ pod_security: 'baseline' });
    expect(newDraft.pod_security).toBe('restricted');
  });

  it('says by how much one person may not have more than the group', () => {
    expect(check({ ...draftOf(group), user_gpu: 6 }).user_gpu).toBe('The group has 4. Use 4 or less.');
    expect(check({ ...newDraft, name: 'x', user_cpu: null, group_cpu: 2 })).toEqual({});
  });
});

it('shows the health of what is not sandboxed before all else that is wrong', () => {
  const part = (name: string, status: Part['status']): Part => ({ name, status, message: '', help: '', since: null });
  const names = sorted([part('hub', 'ok'), part('disk', 'degraded'), part('sandbox', 'degraded')]).map((p) => p.name);
  expect(names).toEqual(['sandbox', 'disk', 'hub']);
});

it('keeps all members of a group apart from the page of them that other pages read', () => {
  expect(admin.members('lab').queryKey).not.toEqual(ask.members('lab').queryKey);
  expect(admin.members('lab').queryKey[0]).toBe('members');
});
