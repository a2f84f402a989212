import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyRing } from '../../modules/certificates/keys/key-ring.js';

/**
 * The keys in the data directory, made with the first start: readable by this user alone, whole or not at all, and
 * never written over, as what they sealed could not be opened any more.
 */
export async function encryptionKeysOf(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'encryption.keys');
  const draft = `${path}.${process.pid}`;
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await writeFile(draft, `${KeyRing.generate('first')}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}
