import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerLog } from './server-log.js';

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
});
