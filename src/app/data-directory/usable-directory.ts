import { constants } from 'node:fs';
import { access, chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UnusableDirectoryError } from './data-directory.errors.js';
import { requireTrustedPath, wayTo } from './trusted-path.js';

const ELSEWHERE = 'Set DATA_DIR to a directory elsewhere';

/**
 * Makes sure that `directory` is one that this process can write to, or could create as such. Creates nothing.
 * @param directory absolute path
 * @returns the directories on the way that exist already, from the root down
 * @throws UnusableDirectoryError that names the path at fault: a file, one that may not be entered or written, one that another user
 *   may write
 */
export async function checkDirectory(directory: string): Promise<string[]> {
  const existing: string[] = [];
  for (const path of wayTo(directory)) {
    const kind = await kindOf(path);
    if (kind === 'missing') break;
    if (kind === 'closed') {
      const parent = dirname(path);
      throw new UnusableDirectoryError(
        directory,
        `${parent} may not be entered by this user`,
        `Allow it (chmod +x ${parent}), or set DATA_DIR to a directory elsewhere`,
      );
    }
    if (kind === 'other') {
      throw new UnusableDirectoryError(directory, `${path} is not a directory`, ELSEWHERE);
    }
    existing.push(path);
  }
  await requireTrustedPath(directory);
  const last = existing.at(-1) ?? directory;
  const refusal = await access(last, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (refusal) {
    const reason = refusal === 'EROFS' ? 'is on a read-only file system' : 'may not be written by this user';
    throw new UnusableDirectoryError(directory, `${last} ${reason}`, ELSEWHERE);
  }
  return existing;
}

/**
 * Creates the directory and the missing ones above it with mode 0755 whatever the umask: as root PostgreSQL
 * runs as another user, who has to pass through all of them. Existing ones keep their mode.
 */
export async function makeDirectory(directory: string): Promise<void> {
  for (const path of wayTo(directory)) {
    try {
      await mkdir(path);
    } catch (error) {
      // The root of a file system may be refused with something else than EEXIST.
      if ((await kindOf(path)) === 'directory') continue;
      throw error;
    }
    await chmod(path, 0o755);
  }
  // Somebody else may have been quicker, in a directory where everybody may.
  await requireTrustedPath(directory);
}

async function kindOf(path: string): Promise<'directory' | 'other' | 'missing' | 'closed'> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return 'closed';
    // A link that leads nowhere is not there for stat, and in the way for mkdir.
    if (code === 'ENOENT') return (await lstat(path).catch(() => undefined)) ? 'other' : 'missing';
    throw new UnusableDirectoryError(path, `the system says ${code}`, ELSEWHERE);
  }
}
