import { readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/**
 * What a service is called that has not said so: the name in the `package.json` nearest to the script that the process
 * was started with, or else, as with a runner below `node_modules`, to its working directory. Undefined when there is none.
 */
export function defaultServiceName([, script] = process.argv, directory = process.cwd()): string | undefined {
  const own =
    script !== undefined && !script.split(sep).includes('node_modules') ? dirname(script) : undefined;
  return (own !== undefined ? nearestName(own) : undefined) ?? nearestName(directory);
}

function nearestName(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const name = nameIn(join(at, 'package.json'));
    if (name !== undefined || dirname(at) === at) return name;
  }
}

function nameIn(file: string): string | undefined {
  try {
    const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}
