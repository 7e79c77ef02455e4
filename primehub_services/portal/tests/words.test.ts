import { expect, test } from 'vitest';
import { t } from '../src/text';
import { a } from '../src/text/admin';
import { g } from '../src/text/groups';

const files = import.meta.glob<string>('../src/**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });
const program = Object.entries(files).filter(([path]) => !path.includes('/text/') && !path.endsWith('schema.d.ts')).map(([, text]) => text).join('\n');
const named = new Set(program.match(/\w+/g));

/** Names below an object of the catalogue that the program says nowhere; what is chosen by a key that comes from elsewhere is said by its box. */
function unsaid(words: object, box: string): string[] {
  const [, last] = /\.(\w+)$/.exec(box) ?? [];
  if (last && new RegExp(`\\b${last}(\\?\\.)?\\[`).test(program)) return [];
  return Object.entries(words).flatMap(([name, value]) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? unsaid(value as object, `${box}.${name}`) : named.has(name) ? [] : [`${box}.${name}`]));
}

test('the catalogue has no words that nothing shows', () => {
  expect([...unsaid(t, 't'), ...unsaid(a, 'a'), ...unsaid(g, 'g')]).toEqual([]);
});
