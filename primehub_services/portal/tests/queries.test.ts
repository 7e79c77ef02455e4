import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';
import { api } from '../src/api/client';
import { ask } from '../src/api/queries';

/** The API, as a person called `me` sees these lists. */
function answers(me: string, lists: Record<string, readonly object[]>) {
  const get = (path: string, { params }: { params?: { query?: { page?: number; page_size?: number } } }) => {
    const { page = 1, page_size: size = 50 } = params?.query ?? {};
    const items = lists[path] ?? [];
    return Promise.resolve({ data: path === '/me' ? { name: me } : { items: items.slice((page - 1) * size, page * size), total: items.length }, response: new Response() });
  };
  vi.spyOn(api, 'GET').mockImplementation(get as never);
}
const queries = () => new QueryClient({ defaultOptions: { queries: { retry: false } } });
const secret = (name: string, over: object = {}) => ({ name, slug: name, kind: 'env', owner: null, group: null, ...over });

afterEach(() => vi.restoreAllMocks());

test('a platform admin’s job is offered their own secrets and the group’s, and nobody else’s', async () => {
  answers('root', { '/secrets': [secret('mine', { owner: 'root' }), secret('hers', { owner: 'ann' }), secret('ours', { group: 'lab' }), secret('theirs', { group: 'bio' }), secret('registry', { kind: 'pull' })] });
  const { items } = await queries().query(ask.envSecrets('lab'));
  expect(items.map(({ name }) => name)).toEqual(['mine', 'ours']);
});

test('one’s own secrets are found behind however many of others', async () => {
  const others = Array.from({ length: 450 }, (_, i) => secret(`s${i}`, { owner: 'ann' }));
  answers('root', { '/secrets': [...others, secret('mine', { owner: 'root' })] });
  const { items } = await queries().query(ask.ownSecrets(null));
  expect(items.map(({ name }) => name)).toEqual(['mine']);
});

test('a large group has all its members', async () => {
  answers('ann', { '/groups/{group}/members': Array.from({ length: 301 }, (_, i) => ({ user: `u${i}` })) });
  expect((await queries().query(ask.members('lab'))).items).toHaveLength(301);
});
