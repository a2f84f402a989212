import { type Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { UnusableDirectoryError } from './data-directory.errors.js';
import { hasAccessList, isOwnGroup } from './group-members.js';

const ELSEWHERE = 'Set DATA_DIR to a directory elsewhere';

const STICKY = 0o1000;
const GROUP_MAY_WRITE = 0o020;
const OTHERS_MAY_WRITE = 0o002;

/** As many as Linux follows in one path. */
const MOST_LINKS = 40;

/**
 * Makes sure that nobody but this user and root can put anything in the place of what lies in the directory. What
 * another user has prepared would otherwise be followed, read and believed: links that lead elsewhere, a password of
 * theirs, a server that is theirs; and as root that other user would be root.
 *
 * So every directory and every link on the way has to belong to this user or to root, and every directory to be writable by
 * no other, but for those in which nobody may remove what is another's (sticky, such as /tmp). The way is walked as the
 * kernel does, link by link: where one leads says nothing of the links that it leads through.
 * @param directory absolute; it need not exist
 * @throws UnusableDirectoryError that names the path at fault
 */
export async function requireTrustedPath(directory: string): Promise<void> {
  const ahead = directory.split('/').reverse();
  let at = '/';
  let links = 0;
  if ((await look(directory, at))?.isDirectory() !== true) return;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    const path = join(at, name);
    const stats = await look(directory, path);
    if (!stats) return;
    if (!stats.isSymbolicLink()) {
      at = path;
      continue;
    }
    if (++links > MOST_LINKS)
      throw new UnusableDirectoryError(
        directory,
        `${path} is one link of a circle, or of too many`,
        ELSEWHERE,
      );
    const target = await readlink(path);
    if (isAbsolute(target)) at = '/';
    ahead.push(...target.split('/').reverse());
  }
}

/** @returns undefined where there is nothing */
async function look(directory: string, path: string): Promise<Stats | undefined> {
  let stats: Stats;
  try {
    stats = await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new UnusableDirectoryError(
      directory,
      `${path} cannot be looked at: the system says ${code}`,
      ELSEWHERE,
    );
  }
  const fault = await faultOf(path, stats);
  if (fault) throw new UnusableDirectoryError(directory, fault.reason, fault.fix);
  return stats;
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

async function faultOf(path: string, stats: Stats): Promise<{ reason: string; fix: string } | undefined> {
  const { uid, gid, mode } = stats;
  const own = process.getuid?.() ?? 0;
  if (uid !== 0 && uid !== own)
    return {
      reason: `${path} belongs to the user with id ${uid}, who could put anything in the place of what is kept there`,
      fix: own === 0 ? `Start as that user, or set DATA_DIR to a directory of root's` : ELSEWHERE,
    };
  if (stats.isSymbolicLink() || mode & STICKY) return undefined;
  // A list shows in the mode as what the group may.
  if (mode & GROUP_MAY_WRITE && (await hasAccessList(path)))
    return {
      reason: `${path} has an access control list that may let other users write there`,
      fix: `Remove it (setfacl -b ${path}), or set DATA_DIR to a directory elsewhere`,
    };
  const mayBeOwn = gid === 0 || gid === process.getgid?.();
  const byGroup = mode & GROUP_MAY_WRITE && !(mayBeOwn && (await isOwnGroup(gid)));
  if (!byGroup && !(mode & OTHERS_MAY_WRITE)) return undefined;
  return {
    reason: `${path} may be written by other users, who could put anything in the place of what is kept there`,
    fix: `Forbid it (chmod ${byGroup ? 'g-w,o-w' : 'o-w'} ${path}), or set DATA_DIR to a directory elsewhere`,
  };
}

/** `/a/b` as `/`, `/a`, `/a/b`. */
export function wayTo(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...wayTo(parent), directory];
}
