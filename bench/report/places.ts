import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The page that is made … */
export const PAGE = at('docs/benchmarks.md');
/** … from this, in which words of people stand, and where the sections of benches go. */
export const SOURCE = at('bench/report/benchmarks.md');
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
