import { randomBytes } from 'node:crypto';
import { chown, open, readFile, rename } from 'node:fs/promises';
import { type ClusterFiles } from './cluster-directory.js';
import { type ClusterUser } from './cluster-user.js';

/** The stored password, or undefined if there is none. */
export async function readPassword({ password }: ClusterFiles): Promise<string | undefined> {
  try {
    return (await readFile(password, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes a password of 24 random bytes that needs no escaping in a URL, and stores it mode 0600, whole or not
 * at all. It belongs to the cluster's user, because initdb reads it.
 */
export async function makePassword(
  { password: file }: ClusterFiles,
  user: ClusterUser | undefined,
): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const partial = `${file}.partial`;
  const handle = await open(partial, 'w', 0o600);
  try {
    await handle.writeFile(`${password}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (user) await chown(partial, user.uid, user.gid);
  await rename(partial, file);
  return password;
}
