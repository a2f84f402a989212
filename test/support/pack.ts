import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The package as it would be published, of what is built in that checkout.
 * @returns path of the tarball, in that directory
 */
export async function pack(checkout: string, directory: string): Promise<string> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: checkout });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  return join(directory, packed!.filename);
}
