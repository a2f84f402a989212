import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readProcessIdentity } from './process-identity.js';
import { readProcessUsage } from './process-usage.js';

describe('readProcessUsage', () => {
  let child: ChildProcess;
  afterEach(() => void child.kill('SIGKILL'));

  async function node(script: string): Promise<{ pid: number; startTime: string }> {
    child = spawn(process.execPath, ['-e', `console.log("up"); ${script}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    return readProcessIdentity(child.pid!)!;
  }

  it('tells a busy process, by its share of a core and by its memory, from an idle one', async () => {
    const busy = await node('const held = Buffer.alloc(150e6, 1); for (;;) held[0]++;');
    const usage = (await readProcessUsage(busy))!;
    child.kill('SIGKILL');
    const idle = (await readProcessUsage(await node('setInterval(() => {}, 1e6)')))!;
    expect(usage.cpuPercent).toBeGreaterThan(idle.cpuPercent);
    expect(usage.cpuPercent).toBeLessThan(250);
    expect(usage.memoryBytes).toBeGreaterThan(idle.memoryBytes);
    expect(idle.memoryBytes).toBeGreaterThan(10e6);
  });

  it('is undefined for a process that is gone, and for another with its pid', async () => {
    const identity = await node('setInterval(() => {}, 1e6)');
    expect(await readProcessUsage({ ...identity, startTime: 'another' })).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readProcessUsage(identity)).toBeUndefined();
  });

  it('stops measuring when the signal aborts', async () => {
    const identity = await node('setInterval(() => {}, 1e6)');
    const controller = new AbortController();
    const measuring = readProcessUsage(identity, controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(measuring).rejects.toBe(reason);
  });
});
