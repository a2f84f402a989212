import { readFileSync } from 'node:fs';

/** The sections of the index of the documentation, each with its pages: the index says what there is, and in which order. */
const index = readFileSync(new URL('../docs/README.md', import.meta.url), 'utf8');

export const sidebar = index
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    text: section.slice(0, section.indexOf('\n')),
    collapsed: false,
    items: [...section.matchAll(/\[([^\]]+)\]\(([\w/-]+)\.md\)/g)].map(([, text, page]) => ({
      text,
      link: `/${page}`,
    })),
  }));
