import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type UnusableDirectoryError } from './data-directory.errors.js';
import { requireTrustedPath } from './trusted-path.js';

export interface DefaultDataDirectory {
  /** Absolute. */
  path: string;
  /** What to tell the user, when it is not where one would look for it. */
  notice?: string;
}

/** For what root cannot keep beside its own clone. */
const OF_THE_SYSTEM = '/var/lib/ctrlplane-workers';

/**
 * Where data goes when nothing was said: `.data` in `base`, the current directory by default.
 *
 * As root PostgreSQL runs as another user, who cannot pass through a directory such as /root. A clone there
 * gets a directory of its own below /var/lib/ctrlplane-workers instead; so does one that another
 * user may write, who could make root read and write what they want.
 */
export async function defaultDataDirectory(base = process.cwd()): Promise<DefaultDataDirectory> {
  const beside = join(base, '.data');
  if (process.getuid?.() !== 0) return { path: beside };
  const closed = await firstClosed(base);
  const others = await requireTrustedPath(beside).then(
    () => undefined,
    (error: UnusableDirectoryError) => error.reason,
  );
  if (!closed && !others) return { path: beside };
  const path = join(OF_THE_SYSTEM, createHash('sha256').update(base).digest('hex').slice(0, 12));
  const why = closed ? `PostgreSQL, which runs as another user then, may not enter ${closed}` : others;
  return {
    path,
    notice: `Data is kept in ${path}: this is root, and ${why}. DATA_DIR sets another place.`,
  };
}

/** The first directory on the way, from the root down, that other users may not pass through. */
async function firstClosed(path: string): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await firstClosed(parent);
  if (above) return above;
  const { mode } = await stat(path);
  return (mode & 0o001) === 0 ? path : undefined;
}
