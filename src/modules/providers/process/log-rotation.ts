import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';

const CHUNK = 1024 * 1024;

/** Default size in bytes above which a log is rotated. */
export const LOG_LIMIT = 10 * 1024 * 1024;

/** The log before the present one, of which one is kept. */
export function olderLog(log: string): string {
  return `${log}.1`;
}

/**
 * Moves what a log holds into `olderLog` and empties it, if it is larger than that many bytes. Programs write to it
 * all the while: they have it open to append, so that they go on at its new end. What is written between the last
 * look and the emptying, microseconds later, is lost.
 */
export async function rotateLog(log: string, limit: number): Promise<void> {
  const size = await stat(log).then(
    ({ size }) => size,
    () => 0,
  );
  if (size <= limit) return;
  const from = await open(log, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const kept = await keepEnd(from, size, log, limit);
    try {
      // From here on nothing else of this process runs in between.
      if (kept) copyRest(from.fd, kept.to.fd, kept.at);
      ftruncateSync(from.fd, 0);
    } finally {
      await kept?.to.close();
    }
  } finally {
    await from.close();
  }
}

/** The older log, with what the log held, and how far that was read. */
interface KeptEnd {
  to: FileHandle;
  at: number;
}

/**
 * Where the disk is full the older log makes room; where that is not enough, nothing is kept. A disk that is full of logs
 * would stay so for ever, and the database may be on it.
 */
async function keepEnd(
  from: FileHandle,
  size: number,
  log: string,
  limit: number,
): Promise<KeptEnd | undefined> {
  for (const isLast of [false, true])
    try {
      return await copyEnd(from, size, log, limit);
    } catch (error) {
      await rm(draftOf(log), { force: true });
      if (!isFull(error)) throw error;
      if (!isLast) await rm(olderLog(log), { force: true });
    }
  return undefined;
}

/** As much as is ever kept: a program that writes faster than it is copied is not run after. */
async function copyEnd(from: FileHandle, size: number, log: string, limit: number): Promise<KeptEnd> {
  const draft = draftOf(log);
  await rm(draft, { force: true });
  const to = await open(draft, 'wx', 0o600);
  try {
    const buffer = Buffer.alloc(CHUNK);
    let at = Math.max(0, size - limit);
    for (; at < size;) {
      const { bytesRead } = await from.read(buffer, 0, Math.min(CHUNK, size - at), at);
      if (bytesRead === 0) break;
      await to.writeFile(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    await rename(draft, olderLog(log));
    return { to, at };
  } catch (error) {
    await to.close();
    throw error;
  }
}

function copyRest(from: number, to: number, at: number): void {
  const buffer = Buffer.alloc(CHUNK);
  try {
    for (let bytes; (bytes = readSync(from, buffer, 0, CHUNK, at)) > 0; at += bytes)
      writeSync(to, buffer, 0, bytes);
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

function draftOf(log: string): string {
  return `${olderLog(log)}.next`;
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
