import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const pages = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

describe('the documentation', () => {
  it.each(pages)('has no dead link in %s', (page) => {
    const dead = linksOf(page).filter((link) => !leadsSomewhere(page, link));
    expect(dead).toEqual([]);
  });

  it('has every page in its index', () => {
    const listed = linksOf('docs/README.md').filter((link) => !link.includes('/'));
    expect(listed.toSorted()).toEqual(
      readdirSync(join(ROOT, 'docs'))
        .filter((name) => name.endsWith('.md') && name !== 'README.md')
        .toSorted(),
    );
  });
});

/** Those to other files and to other places of the page. */
function linksOf(page: string): string[] {
  const links = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path, anchor] = link.split('#') as [string, string?];
  const target = path ? join(dirname(page), path) : page;
  if (!existsSync(resolve(ROOT, target))) return false;
  return anchor === undefined || (basename(target).endsWith('.md') && anchorsOf(target).includes(anchor));
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...text(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function text(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}
