import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pollUntil } from '../waiting.js';
import { readGroupStats, secondsOf } from './process-stats.js';

describe('readGroupStats', () => {
  let child: ChildProcess;
  afterEach(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  });

  /** A shell that leads a group, and has written a line. */
  async function shell(script: string): Promise<number> {
    child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout!, 'data');
    return child.pid!;
  }
  const statsOf = async (pid: number) => (await readGroupStats(new Set([pid]))).get(pid);

  it('counts children, also those that have ended', async () => {
    const burn = `${process.execPath} -e "while (process.cpuUsage().user < 2e5);"`;
    const pid = await shell(`echo up; ${burn}; ${burn} & wait; echo done; sleep 3600`);
    await once(child.stdout!, 'data');
    // The shell says that it is done before it has started the last of its children.
    expect(await pollUntil(async () => (await statsOf(pid))?.processes === 2, 5_000)).toBe(true);
    expect((await statsOf(pid))!.cpuSeconds).toBeGreaterThan(0.35);
  });

  it('reads what a child has allocated within a twentieth', async () => {
    const size = 200e6;
    const allocate = `${process.execPath} -e "const b = Buffer.alloc(${size}, 1); console.log('held'); setInterval(() => b, 1e6)"`;
    const idle = `${process.execPath} -e "console.log('held'); setInterval(() => {}, 1e6)"`;
    const read = async (script: string) => {
      const pid = await shell(`${script} & wait`);
      const { memoryWorkingSetBytes } = (await statsOf(pid))!;
      process.kill(-pid, 'SIGKILL');
      return memoryWorkingSetBytes!;
    };
    const held = (await read(allocate)) - (await read(idle));
    expect(Math.abs(held - size) / size).toBeLessThan(0.05);
  });

  it('has nothing of a group that is gone', async () => {
    const pid = await shell('echo up; sleep 3600');
    const exit = once(child, 'exit');
    process.kill(-pid, 'SIGKILL');
    await exit;
    expect(await pollUntil(async () => (await statsOf(pid)) === undefined, 5_000)).toBe(true);
  });

  it('stops reading when the signal aborts', async () => {
    const pid = await shell('echo up; sleep 3600');
    const reason = new Error('enough');
    await expect(readGroupStats(new Set([pid]), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('secondsOf', () => {
  it.each([
    ['0:01.50', 1.5],
    ['12:34', 754],
    ['01:02:03', 3_723],
    ['2-01:02:03', 176_523],
  ])('reads %s', (time, seconds) => expect(secondsOf(time)).toBe(seconds));
});
