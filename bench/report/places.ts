import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Words of people, and blocks that are written from samples. */
export const PAGE = at('docs/benchmarks.md');
/** One file for each bench: its latest run. */
export const SAMPLES = at('docs/benchmarks');

export function samplePath(bench: string): string {
  return at(`docs/benchmarks/${bench}.json`);
}

/** Below `docs/pictures`, which the site copies. */
export function plotPath(bench: string): { file: string; inDocs: string } {
  const inDocs = `pictures/benchmarks/${bench}.svg`;
  return { file: at(`docs/${inDocs}`), inDocs };
}
