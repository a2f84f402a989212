import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isAlive,
  readProcessIdentity,
  type ProcessIdentity,
} from '../../modules/providers/process/process-identity.js';
import { DataDirectoryInUseError, UnusableDirectoryError } from './data-directory.errors.js';

/**
 * One process per directory, without `flock`, which Node does not have.
 *
 * Locks are numbered files, `app.lock.1`, `app.lock.2`, … and **the highest one tells who holds the
 * directory**: the process that it names, or nobody once that has ended or released it. Who wants the
 * directory sees that the highest, *n*, is nobody's, links a complete file to *n* + 1 (of several, `link`
 * lets one succeed), and looks again: if there is a higher one, what it saw before was out of date, and it
 * begins again. The highest is never removed, its release included. A single lock file that is removed and
 * made anew could be mistaken for the stale one that another starter read a moment before.
 */
const LOCK = /^app\.lock\.(\d+)$/;
const DRAFT = 'app.lock.draft-';

/** Holds the directory until `release()` or the end of the process. */
export interface DirectoryLock {
  /** Lets the next one have it. May be called again, and when the directory is gone. */
  release(): Promise<void>;
}

/** @throws DataDirectoryInUseError while another living process, or this one, holds it */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  for (;;) {
    const last = Math.max(0, ...(await lockNumbers(directory)));
    const holder = await holderOf(lockPath(directory, last));
    if (holder) throw new DataDirectoryInUseError(directory, holder.pid);

    const own = last + 1;
    if (!(await createLock(directory, own))) continue;
    if (Math.max(...(await lockNumbers(directory))) > own) {
      await rm(lockPath(directory, own), { force: true });
      continue;
    }
    await clearAway(directory, own);
    let released: Promise<void> | undefined;
    return { release: () => (released ??= giveUp(directory, own)) };
  }
}

function lockPath(directory: string, number: number): string {
  return join(directory, `app.lock.${number}`);
}

async function lockNumbers(directory: string): Promise<number[]> {
  return (await readdir(directory)).map((name) => Number(LOCK.exec(name)?.[1] ?? 0));
}

/** The living process that the file names. One that a power cut left empty or torn names nobody alive. */
async function holderOf(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const { pid, startTime } = JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity;
    return typeof startTime === 'string' && isAlive({ pid, startTime }) ? { pid, startTime } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether it was ours to make. It has all its content from the first moment, or it would be nobody's. */
async function createLock(directory: string, number: number): Promise<boolean> {
  const draft = await writeDraft(directory, JSON.stringify(readProcessIdentity(process.pid)));
  try {
    await link(draft, lockPath(directory, number));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOENT: the one who was quicker has cleared our draft away.
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    if (code === 'EPERM' || code === 'ENOTSUP') {
      throw new UnusableDirectoryError(
        directory,
        'its file system has no hard links',
        'Set DATA_DIR to a directory on a local disk',
      );
    }
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** An empty file in its place, by one rename. */
async function giveUp(directory: string, number: number): Promise<void> {
  try {
    await rename(await writeDraft(directory, ''), lockPath(directory, number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function clearAway(directory: string, own: number): Promise<void> {
  const names = await readdir(directory);
  const old = names.filter((name) => name.startsWith(DRAFT) || Number(LOCK.exec(name)?.[1] ?? own) < own);
  await Promise.all(old.map((name) => rm(join(directory, name), { force: true })));
}

async function writeDraft(directory: string, content: string): Promise<string> {
  const draft = join(directory, `${DRAFT}${randomBytes(6).toString('hex')}`);
  await writeFile(draft, content, { mode: 0o644 });
  return draft;
}
