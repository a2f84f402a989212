import { afterEach } from '@jest/globals';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A maker of temporary directories that every user may enter (`mkdtemp` makes them 0700).
 * @param cleanUp when they are removed: `afterEach` test by default, or `afterAll`
 */
export function temporaryDirectories(cleanUp: typeof afterEach = afterEach): () => Promise<string> {
  const made: string[] = [];
  cleanUp(async () => {
    for (const directory of made.splice(0)) {
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  });
  return async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-'));
    made.push(directory);
    await chmod(directory, 0o755);
    return directory;
  };
}
