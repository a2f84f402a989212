import { open } from 'node:fs/promises';

/** Bytes read at once, and the most that is ever read: a file need not have any line end. */
const CHUNK = 64 * 1024;
const LIMIT = 8 * 1024 * 1024;

const LINE_FEED = 0x0a;

/**
 * The last lines of a text file, read from its end: a log of gigabytes costs no more than its tail.
 * None when there is no such file. The first of them lacks its beginning when the lines together are
 * longer than 8 MiB.
 * @param older what was written before the file's first byte, if the file holds fewer lines
 */
export async function tailLines(
  path: string,
  count: number,
  signal?: AbortSignal,
  older?: string,
): Promise<string[]> {
  if (count === 0) return [];
  let tail = await readTail(path, count, signal);
  if (older && tail.length < LIMIT && lineEnds(tail) <= count)
    tail = Buffer.concat([await readTail(older, count, signal), tail]);
  const lines = tail.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop(); // what follows the last line end is no line
  return lines.slice(-count);
}

async function readTail(path: string, count: number, signal?: AbortSignal): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return Buffer.alloc(0);
  try {
    const chunks: Buffer[] = [];
    let start = (await file.stat()).size;
    const stop = Math.max(0, start - LIMIT);
    // One more line end than lines: the last line has one behind it.
    for (let ends = 0; start > stop && ends <= count;) {
      signal?.throwIfAborted();
      const size = Math.min(CHUNK, start - stop);
      start -= size;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, start);
      const chunk = buffer.subarray(0, bytesRead);
      chunks.unshift(chunk);
      ends += lineEnds(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}

function lineEnds(text: Buffer): number {
  let ends = 0;
  for (const byte of text) if (byte === LINE_FEED) ends++;
  return ends;
}
