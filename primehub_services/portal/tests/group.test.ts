import { expect, test } from 'vitest';
import type { Image } from '../src/api/types';
import { check, draftOf, nothing, sourceOf } from '../src/pages/group/image-draft';

const image = (source: Image['source']) => ({ name: 'x', display_name: '', description: '', kind: 'both', source }) as Image;

test('what an image is made from comes back as it was given', () => {
  const packages: Image['source'] = { type: 'environment', prefix: null, base: '', packages: ['jupyterlab', 'pandas>=2'] };
  expect(sourceOf(draftOf(image(packages)))).toEqual(packages);
  const container: Image['source'] = { type: 'container', url: 'quay.io/x:1', url_gpu: null, pull_secret: 'registry' };
  expect(sourceOf(draftOf(image(container)))).toEqual(container);
  expect(draftOf(image({ type: 'environment', prefix: '/opt/x', base: '', packages: [] })).type).toBe('given');
});

test('what is missing is said at its field', () => {
  expect(check({ ...nothing, packages: ' \n' })).toMatchObject({ name: expect.any(String) as string, packages: expect.any(String) as string, url: undefined });
  expect(check({ ...nothing, name: 'a', type: 'container' }).url).toBeTruthy();
  expect(Object.values(check({ ...nothing, name: 'a' })).some(Boolean)).toBe(false);
});
