import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { requireOwned } from '../data-directory/trusted-path.js';
import { type ClusterFiles } from './cluster-directory.js';
import { type ClusterUser } from './cluster-user.js';

/**
 * The stored password, or undefined if there is none.
 * @throws UnusableDirectoryError when it is not ours: what another user has put there is no secret
 */
export async function readPassword(
  { directory, password }: ClusterFiles,
  user: ClusterUser | undefined,
): Promise<string | undefined> {
  await requireOwned(directory, password, 'file', user ? [user.uid] : []);
  try {
    return (
      await readFile(password, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW })
    ).trim();
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
  await rm(partial, { force: true });
  const handle = await open(partial, 'wx', 0o600);
  try {
    await handle.writeFile(`${password}\n`);
    await handle.sync();
    if (user) await handle.chown(user.uid, user.gid);
  } finally {
    await handle.close();
  }
  await rename(partial, file);
  return password;
}
