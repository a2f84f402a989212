/**
 * Copies what the site shows into `pages/`: the Markdown of the project, and each file that it links to as a page of its own,
 * as the site has no repository to link to. `npm run site` calls it before TypeDoc and VitePress.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = fileURLToPath(new URL('pages', import.meta.url));

/** Path in the project -> path on the site. */
const pages = new Map([
  ['README.md', 'index.md'],
  ['docs/README.md', 'documentation.md'],
  ['ARCHITECTURE.md', 'architecture.md'],
  ['CONTRIBUTING.md', 'contributing.md'],
  ['CHANGELOG.md', 'changelog.md'],
]);
for (const path of filesIn('docs'))
  if (path.endsWith('.md') && !pages.has(path)) pages.set(path, relative('docs', path));

/** Files that a page links to, as they are found. */
const linked = new Set();

rmSync(PAGES, { recursive: true, force: true });
for (const [path, page] of pages) write(page, withLinks(path, page, read(path)));
for (const path of linked) write(pageOfFile(path), asPage(path));
cpSync(join(ROOT, 'docs/pictures'), join(PAGES, 'pictures'), { recursive: true });

/** @param text of the page, whose relative links are those of the project */
function withLinks(path, page, text) {
  return text.replace(/<!--.*?-->\n?/g, '').replace(/(\]\()([^)\s]+)(\))/g, (whole, open, link, close) => {
    if (/^([a-z]+:|#)/.test(link)) return whole;
    const [target, anchor] = link.split('#');
    const file = posix.normalize(posix.join(dirname(path), target)).replace(/\/$/, '');
    return `${open}${linkTo(file, page)}${anchor === undefined ? '' : `#${anchor}`}${close}`;
  });
}

function linkTo(file, page) {
  const from = dirname(page);
  if (file.startsWith('docs/pictures/')) return `./${posix.relative(from, relative('docs', file))}`;
  if (!existsSync(join(ROOT, file))) throw new Error(`${page} links to ${file}, which does not exist`);
  if (!pages.has(file)) linked.add(file);
  return `./${posix.relative(from, pages.get(file) ?? pageOfFile(file))}`;
}

function pageOfFile(file) {
  return `files/${file}.md`;
}

/** A file with its name, a folder with all of its files. */
function asPage(path) {
  const files = statSync(join(ROOT, path)).isDirectory() ? filesIn(path) : [path];
  const blocks = files.map((file) => [
    files.length > 1 ? `## ${posix.relative(path, file)}` : '',
    file.endsWith('.md') ? withLinks(file, pageOfFile(path), read(file)) : fenced(file),
  ]);
  return [`# ${path}`, ...blocks.flat()].join('\n\n');
}

function filesIn(folder) {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => relative(ROOT, join(parentPath, name))).toSorted();
}

function fenced(file) {
  return ['````' + (extname(file).slice(1) || 'text'), read(file).trimEnd(), '````'].join('\n');
}

function read(path) {
  return readFileSync(join(ROOT, path), 'utf8');
}

function write(page, text) {
  const path = join(PAGES, page);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text.trimEnd()}\n`);
}
