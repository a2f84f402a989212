import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';

/** Readable by this user alone from its first moment; whole or not at all; never through a link. */
export async function writeSecret(path: string, text: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${text}\n`, { mode: 0o600, flag: 'wx' });
  await rename(draft, path);
  return path;
}
