import type { Image, ImageCreate } from '../../api/types';
import type { Errors, Words } from '../../parts/form/form';
import { g } from '../../text/groups';

const words = g.images;

/** What the form of a group's image holds. `given` is an environment that is there already: told, not changed here. */
export type Draft = { name: string; display_name: string; description: string; kind: Image['kind']; type: 'packages' | 'container' | 'given'; packages: string; base: string; url: string; url_gpu: string; pull_secret: string };

export const nothing: Draft = { name: '', display_name: '', description: '', kind: 'both', type: 'packages', packages: 'jupyterlab\n', base: '', url: '', url_gpu: '', pull_secret: '' };

export function draftOf(image: Image): Draft {
  const { name, display_name, description, kind, source } = image;
  const plain = { ...nothing, name, display_name, description, kind, packages: '' };
  if (source.type === 'container') return { ...plain, type: 'container', url: source.url, url_gpu: source.url_gpu ?? '', pull_secret: source.pull_secret ?? '' };
  return source.prefix ? { ...plain, type: 'given' } : { ...plain, packages: source.packages.join('\n'), base: source.base };
}

export const lines = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean);

export function sourceOf(draft: Draft): ImageCreate['source'] {
  return draft.type === 'container' ? { type: 'container', url: draft.url.trim(), url_gpu: draft.url_gpu.trim() || null, pull_secret: draft.pull_secret || null }
    : { type: 'environment', prefix: null, base: draft.base.trim(), packages: lines(draft.packages) };
}

export const SOURCE: readonly (keyof Draft)[] = ['type', 'packages', 'base', 'url', 'url_gpu', 'pull_secret'];

export const labels: Words<Draft> = {
  name: { label: words.name }, display_name: { label: words.displayName }, description: { label: words.description }, kind: { label: words.kind, show: (kind) => words.kinds[kind] },
  type: { label: words.type, show: (type) => (type === 'given' ? '' : words.types[type]), field: 'source.type' }, packages: { label: words.packages, show: (text) => lines(text).join(', '), field: 'source.packages' },
  base: { label: words.base, field: 'source.base' }, url: { label: words.url, field: 'source.url' }, url_gpu: { label: words.urlGpu, field: 'source.url_gpu' },
  pull_secret: { label: words.pull, show: (secret) => secret || words.pullNone, field: 'source.pull_secret' },
};

export const check = (draft: Draft): Errors<Draft> => ({
  name: draft.name.trim() === '' ? words.nameNeeded : undefined,
  packages: draft.type === 'packages' && lines(draft.packages).length === 0 && draft.base.trim() === '' ? words.packagesNeeded : undefined,
  url: draft.type === 'container' && draft.url.trim() === '' ? words.urlNeeded : undefined,
});
