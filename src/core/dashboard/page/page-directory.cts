import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Where the built page is: the folder `page` of the package's `dist`, above this file. Undefined when it was not built.
 *
 * CommonJS in both builds of the package, as that is the one form in which a module knows its own place in both.
 */
export function pageDirectory(): string | undefined {
  for (let above = __dirname; above !== dirname(above); above = dirname(above)) {
    const candidate = join(above, 'page', 'index.html');
    if (existsSync(candidate)) return dirname(candidate);
  }
  return undefined;
}
