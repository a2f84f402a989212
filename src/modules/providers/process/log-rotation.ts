import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';

const CHUNK = 1024 * 1024;

/** Bytes above which a log is rotated when nobody says otherwise. */
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
  const draft = `${olderLog(log)}.next`;
  await rm(draft, { force: true });
  const from = await open(log, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const to = await open(draft, 'wx', 0o600);
    try {
      const buffer = Buffer.alloc(CHUNK);
      // The end of it, as much as is ever kept: a program that writes faster than it is copied is not run after.
      let at = Math.max(0, size - limit);
      for (; at < size;) {
        const { bytesRead } = await from.read(buffer, 0, Math.min(CHUNK, size - at), at);
        if (bytesRead === 0) break;
        await to.write(buffer, 0, bytesRead);
        at += bytesRead;
      }
      await rename(draft, olderLog(log));
      // From here on nothing else of this process runs in between.
      for (let bytes; (bytes = readSync(from.fd, buffer, 0, CHUNK, at)) > 0; at += bytes)
        writeSync(to.fd, buffer, 0, bytes);
      ftruncateSync(from.fd, 0);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
