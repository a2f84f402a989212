import { describe, it } from '@jest/globals';
import { PARTS, type Part, type PartName } from './parts.js';

/**
 * A suite that needs a part of the machine: left out where that is missing. Its title then says why, and
 * `left-out.reporter.mjs` repeats it at the end of the run.
 */
export function describeWith(part: PartName, title: string, suite: () => void): void {
  if (PARTS[part].present()) describe(title, suite);
  else describe.skip(`${title} ${reason(PARTS[part])}`, suite);
}

/** The same for a single test. */
export function itWith(part: PartName, title: string, test: () => Promise<void> | void): void {
  if (PARTS[part].present()) it(title, test);
  else it.skip(`${title} ${reason(PARTS[part])}`, test);
}

function reason({ what, from }: Part): string {
  return `[needs ${what}: ${'advice' in from ? from.advice : 'npm run test:setup'}]`;
}
