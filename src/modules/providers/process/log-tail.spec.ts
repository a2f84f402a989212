import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tailLines } from './log-tail.js';

describe('tailLines', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'log-tail-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const tail = (content: string | Buffer, count: number) => {
    const file = join(directory, 'log');
    writeFileSync(file, content);
    return tailLines(file, count);
  };

  it.each([
    ['a\nb\nc\n', 2, ['b', 'c']],
    ['a\nb\nc', 2, ['b', 'c']],
    ['a\nb\n', 5, ['a', 'b']],
    ['a\n\n\n', 2, ['', '']],
    ['\n', 1, ['']],
    ['', 3, []],
    ['a\n', 0, []],
  ])('gives of %j the last %d: %j', async (content, count, expected) => {
    expect(await tail(content, count)).toEqual(expected);
  });

  it('gives none of a file that is not there', async () => {
    expect(await tailLines(join(directory, 'missing'), 5)).toEqual([]);
  });

  it('finds lines that are longer than what it reads at once, and characters on the seam', async () => {
    const long = 'é'.repeat(100_000);
    expect(await tail(`first\n${long}\nx${long}\n`, 2)).toEqual([long, `x${long}`]);
  });

  it('counts lines right wherever a read begins', async () => {
    for (const length of [65_534, 65_535, 65_536, 65_537]) {
      const line = 'x'.repeat(length);
      expect(await tail(`before\n${line}\n`, 1)).toEqual([line]);
      expect(await tail(`before\n${line}\n`, 2)).toEqual(['before', line]);
    }
  });

  it('reads the end of a large file alone', async () => {
    const lines = Array.from({ length: 1_000_000 }, (_, n) => `line ${n}`);
    expect(await tail(lines.join('\n'), 3)).toEqual(['line 999997', 'line 999998', 'line 999999']);
  });

  it('reads no more than 8 MiB of a file without a line end', async () => {
    const [line, ...more] = await tail(Buffer.alloc(9 * 1024 * 1024, 'x'), 3);
    expect(line).toHaveLength(8 * 1024 * 1024);
    expect(more).toEqual([]);
  });

  it('stops when the signal aborts', async () => {
    writeFileSync(join(directory, 'log'), 'a\n');
    const reason = new Error('enough');
    await expect(tailLines(join(directory, 'log'), 1, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
