import { join, resolve } from 'node:path';
import { lockDirectory, type DirectoryLock } from './directory-lock.js';
import { requireOwned } from './trusted-path.js';
import { checkDirectory, makeDirectory } from './usable-directory.js';

/** The directory of one running app, held by it alone. */
export interface DataDirectory extends DirectoryLock {
  /** Absolute. */
  path: string;
}

/**
 * Creates the directory if it is missing, and holds it for this process until `release()`; a process that
 * was killed holds nothing. Nothing else in it may be touched before: two apps on one database or one set of
 * processes would undo each other's work.
 *
 * It is made with mode 0755, because the database's user has to pass through; what is secret in it has a
 * mode of its own.
 * @throws UnusableDirectoryError that names the path at fault
 * @throws DataDirectoryInUseError with the pid of the app that holds it
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const directory = resolve(path);
  await checkDirectory(directory);
  await makeDirectory(directory);
  for (const name of ['postgres', 'instances'])
    await requireOwned(directory, join(directory, name), 'directory');
  const lock = await lockDirectory(directory);
  return { path: directory, release: () => lock.release() };
}
