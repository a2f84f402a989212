import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { builtCheckout } from './app-workbench.js';
import { pack } from './pack.js';

/**
 * The package as it would be published, of what is built from the present source.
 * @returns path of the tarball, in that directory
 */
export function packInto(directory: string): Promise<string> {
  return pack(builtCheckout(), directory);
}

/** Puts the packed package alone into the `node_modules` of that project: its dependencies are in a directory above. */
export async function unpackInto(project: string): Promise<void> {
  const installed = join(project, 'node_modules/ctrlplane-workers');
  await mkdir(installed, { recursive: true });
  const packed = await packInto(dirname(project));
  await promisify(execFile)('tar', ['-xzf', packed, '--strip-components=1', '-C', installed]);
}
