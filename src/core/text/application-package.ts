import { readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** What a `package.json` says of an application. */
export interface ApplicationPackage {
  readonly name: string;
  readonly version?: string;
}

/**
 * The `package.json` with a name nearest to the script that the process was started with, or else, as with a runner below
 * `node_modules`, to its working directory. Undefined when there is none.
 */
export function applicationPackage(
  [, script] = process.argv,
  directory = process.cwd(),
): ApplicationPackage | undefined {
  const own =
    script !== undefined && !script.split(sep).includes('node_modules') ? dirname(script) : undefined;
  return (own !== undefined ? nearest(own) : undefined) ?? nearest(directory);
}

function nearest(directory: string): ApplicationPackage | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const found = packageIn(join(at, 'package.json'));
    if (found !== undefined || dirname(at) === at) return found;
  }
}

function packageIn(file: string): ApplicationPackage | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
    if (typeof name !== 'string' || name === '') return undefined;
    return { name, ...(typeof version === 'string' && version !== '' && { version }) };
  } catch {
    return undefined;
  }
}
