import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { newId } from '../../ids/typed-id.js';
import { olderLog, rotateLog } from './log-rotation.js';
import { tailLines } from './log-tail.js';
import { ProcessProvider } from './process.provider.js';

const COUNT = 'i=0; while :; do i=$((i+1)); echo "line $i"; done';
const LIMIT = 100_000;

describe('The log of a program that writes all the time', () => {
  let directory: string;
  let log: string;
  let writer: ChildProcess | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'log-rotation-'));
    await chmod(directory, 0o755);
    log = join(directory, 'output.log');
  });
  afterEach(async () => {
    writer?.kill('SIGKILL');
    writer = undefined;
    await rm(directory, { recursive: true });
  });

  async function write(): Promise<ChildProcess> {
    const file = await open(log, 'a');
    writer = spawn('/bin/sh', ['-c', COUNT], { stdio: ['ignore', file.fd, 'inherit'] });
    await file.close();
    return writer;
  }
  const numbers = (lines: string[]) => lines.map((line) => Number(/^line (\d+)$/.exec(line)?.[1]));
  const larger = (size: number) => eventually(() => statSync(log, { throwIfNoEntry: false })!.size > size);

  it('is emptied when it is too large, once what it held is beside it, and the program goes on at its new end', async () => {
    await write();
    for (let round = 0; round < 5; round++) {
      await larger(LIMIT * 2);
      await rotateLog(log, LIMIT);
      await larger(1_000);
      expect((await readFile(log, 'utf8')).startsWith('line ')).toBe(true);
    }
    const lines = await tailLines(log, 2_000, undefined, olderLog(log));
    expect(lines).toHaveLength(2_000);
    // Linux shows a line that goes over the end of a page half written for a moment: the last one, and one that the last look
    // of a rotation met, which then has the next line behind it.
    const found = numbers(lines.slice(0, -1)).filter((number) => !Number.isNaN(number));
    expect(found.length).toBeGreaterThan(1_990);
    expect(found.filter((number, index) => index > 0 && number <= found[index - 1]!)).toEqual([]);
  });

  it('has the same tail before and after', async () => {
    const child = await write();
    await larger(LIMIT * 2);
    child.kill('SIGSTOP');
    await eventually(async () => / T /.test(await readFile(`/proc/${child.pid}/stat`, 'utf8')));
    const before = await tailLines(log, 3_000);
    await rotateLog(log, LIMIT);
    expect(statSync(log).size).toBe(0);
    expect(await tailLines(log, 3_000, undefined, olderLog(log))).toEqual(before);
    child.kill('SIGCONT');
    await larger(0);
    child.kill('SIGSTOP');
    const after = await tailLines(log, 5_000, undefined, olderLog(log));
    const found = numbers(after);
    expect(found.slice(1).every((number, index) => number === found[index]! + 1)).toBe(true);
  });

  it('is left alone while it is small, and is not followed when it is a link', async () => {
    writeFileSync(log, 'small');
    await rotateLog(log, LIMIT);
    await rotateLog(join(directory, 'missing'), LIMIT);
    expect(readdirSync(directory)).toEqual(['output.log']);
    symlinkSync('/etc/services', join(directory, 'link'));
    await expect(rotateLog(join(directory, 'link'), 10)).rejects.toThrow('ELOOP');
  });

  it('stays within its bound while the instance runs, and its last lines can be had at any time', async () => {
    const instances = join(directory, 'instances');
    const provider = new ProcessProvider({ directory: instances, logLimit: LIMIT });
    const id = newId('instance');
    const spec = { command: ['/bin/sh', '-c', COUNT] };
    await provider.provision({ instanceId: id, tenantId: newId('tenant'), name: 'web', spec, labels: {} });
    try {
      const path = join(instances, id, 'output.log');
      await eventually(() => statSync(olderLog(path), { throwIfNoEntry: false }), 20_000);
      const first = numbers(await provider.logs(id, { tail: 100 }));
      expect(first).toHaveLength(100);
      await eventually(
        async () => numbers(await provider.logs(id, { tail: 1 }))[0]! > first.at(-1)! + 100_000,
        20_000,
      );
      expect(statSync(olderLog(path)).size).toBeLessThan(100 * LIMIT);
    } finally {
      await provider.deprovision(id);
    }
  });
});
