import { readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** Name and version of an application, from its `package.json`. */
export interface ApplicationPackage {
  readonly name: string;
  readonly version?: string;
}

/**
 * The nearest `package.json` with a name, looked for from the script of the process upwards; then, and when the
 * script is below `node_modules`, as a test runner's is, from the working directory upwards. Undefined when there is
 * none.
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
