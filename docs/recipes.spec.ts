import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SOURCES = join(ROOT, 'test/consumers/ecosystem/src');
const tried = readdirSync(SOURCES).map((name) => dense(readFileSync(join(SOURCES, name), 'utf8')));
const recipes = readdirSync(join(ROOT, 'docs/recipes')).map((name) => ({
  name,
  text: readFileSync(join(ROOT, 'docs/recipes', name), 'utf8'),
}));

describe('a recipe', () => {
  it.each(recipes)('$name has no code that is not tried with the package that it is about', ({ text }) => {
    for (const [, code] of text.matchAll(/^```ts\n(.*?)^```/gms))
      expect(tried.some((source) => source.includes(dense(code!)))).toBe(true);
  });

  it.each(recipes)('$name is in the index', ({ name }) => {
    expect(readFileSync(join(ROOT, 'docs/README.md'), 'utf8')).toContain(`(recipes/${name})`);
  });
});

function dense(code: string): string {
  return code
    .replace(/\bexport /g, '')
    .replace(/\s+/g, '')
    .replaceAll(',}', '}')
    .replaceAll(',)', ')');
}
