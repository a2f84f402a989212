import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastWords, ServerLog } from './server-log.js';

describe('ServerLog', () => {
  let directory: string;
  let path: string;
  let log: ServerLog | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-log-'));
    path = join(directory, 'server.log');
  });
  afterEach(async () => {
    await log?.close();
    await rm(directory, { recursive: true });
  });

  it('shows the last lines that were written since it was opened, and no older ones', async () => {
    await writeFile(path, 'of the start before\n');
    log = await ServerLog.open(path, undefined);
    await appendFile(path, Array.from({ length: 20 }, (_, n) => `line ${n}\n`).join(''));
    const lines = await log.lastLines();
    expect(lines).toHaveLength(15);
    expect(lines.at(0)).toBe('line 5');
    expect(lines.at(-1)).toBe('line 19');
  });

  it('shows no lines when nothing was written', async () => {
    await writeFile(path, 'of the start before\n');
    log = await ServerLog.open(path, undefined);
    expect(await log.lastLines()).toEqual([]);
  });

  it('begins another file when it has grown beyond 10 MB, and keeps the one before', async () => {
    await writeFile(path, '');
    await truncate(path, 10 * 1024 * 1024);
    log = await ServerLog.open(path, undefined);
    expect((await stat(path)).size).toBe(0);
    expect((await stat(`${path}.1`)).size).toBe(10 * 1024 * 1024);
  });

  it.each([
    [
      'what the process said that ended, not that it ended',
      [
        '[11] FATAL:  could not write to file "pg_wal/xlogtemp.11": No space left on device',
        '[7] LOG:  startup process (PID 11) exited with exit code 1',
        '[12] FATAL:  the database system is in recovery mode',
      ],
      'could not write to file "pg_wal/xlogtemp.11": No space left on device',
    ],
    [
      'a panic',
      [
        '[21] PANIC:  could not write to file "pg_wal/xlogtemp.21": No space left on device',
        '[20] FATAL:  sorry, too many clients already',
        '[7] LOG:  server process (PID 21) was terminated by signal 6: Aborted',
      ],
      'could not write to file "pg_wal/xlogtemp.21": No space left on device',
    ],
    [
      'that a process was killed, where it said nothing itself',
      ['[7] LOG:  server process (PID 31) was terminated by signal 9: Killed'],
      'server process (PID 31) was terminated by signal 9: Killed',
    ],
  ])('tells of an end %s', async (_, lines, reason) => {
    await writeFile(path, lines.map((line) => `2026-11-25 21:52:17.568 UTC ${line}\n`).join(''));
    expect(await lastWords(path, new Date('2026-11-25T21:52:00Z'))).toBe(reason);
    expect(await lastWords(path, new Date('2026-11-25T21:53:00Z'))).toBeUndefined();
  });
});
