import { type Stats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UnusableDirectoryError } from './data-directory.errors.js';

const STICKY = 0o1000;
const GROUP_MAY_WRITE = 0o020;
const OTHERS_MAY_WRITE = 0o002;

/**
 * Makes sure that nobody but this user and root can put anything in the place of what lies in the directory. What
 * another user has prepared would otherwise be followed, read and believed: links that lead elsewhere, a password of
 * theirs, a server that is theirs; and as root that other user would be root.
 *
 * So every directory on the way has to belong to this user or to root, and to be writable by no other, but for those
 * in which nobody may remove what is another's (sticky, such as /tmp).
 * @param directory absolute; it need not exist
 * @throws UnusableDirectoryError that names the path at fault
 */
export async function requireTrustedPath(directory: string): Promise<void> {
  for (const path of wayTo(directory)) {
    const stats = await lstat(path).catch(() => undefined);
    if (!stats) return;
    const fault = faultOf(path, stats);
    if (fault) throw new UnusableDirectoryError(directory, fault.reason, fault.fix);
    // Where a link leads has a way of its own.
    if (stats.isSymbolicLink()) await requireTrustedPath(await realpath(path).catch(() => dirname(path)));
  }
}

/**
 * The same for one thing in such a directory, which may be missing.
 * @param owners users whom it may belong to, beside this one
 * @throws UnusableDirectoryError also when it is a link
 */
export async function requireOwned(
  directory: string,
  path: string,
  kind: 'directory' | 'file',
  owners: readonly number[] = [],
): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats) return;
  const isKind = kind === 'directory' ? stats.isDirectory() : stats.isFile();
  const reason = !isKind
    ? `${path} is not a plain ${kind}`
    : stats.uid !== process.getuid?.() && !owners.includes(stats.uid)
      ? `${path} belongs to the user with id ${stats.uid}`
      : stats.mode & (OTHERS_MAY_WRITE | GROUP_MAY_WRITE)
        ? `${path} may be written by others`
        : undefined;
  if (reason) throw new UnusableDirectoryError(directory, reason, `Look at who made it, then remove it`);
}

function faultOf(path: string, stats: Stats): { reason: string; fix: string } | undefined {
  const { uid, gid, mode } = stats;
  const own = process.getuid?.() ?? 0;
  if (uid !== 0 && uid !== own)
    return {
      reason: `${path} belongs to the user with id ${uid}, who could put anything in the place of what is kept there`,
      fix: own === 0 ? `Start as that user, or set DATA_DIR to a directory of root's` : ELSEWHERE,
    };
  if (stats.isSymbolicLink() || mode & STICKY) return undefined;
  const byGroup = mode & GROUP_MAY_WRITE && gid !== 0 && gid !== process.getgid?.();
  if (!byGroup && !(mode & OTHERS_MAY_WRITE)) return undefined;
  return {
    reason: `${path} may be written by other users, who could put anything in the place of what is kept there`,
    fix: `Forbid it (chmod ${byGroup ? 'g-w,o-w' : 'o-w'} ${path}), or set DATA_DIR to a directory elsewhere`,
  };
}

const ELSEWHERE = 'Set DATA_DIR to a directory elsewhere';

/** `/a/b` as `/`, `/a`, `/a/b`. */
export function wayTo(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...wayTo(parent), directory];
}
