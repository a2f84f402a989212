import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { isAlive, readProcessIdentity } from './process-identity.js';
import { pollUntil } from '../waiting.js';

describe('process identity', () => {
  const children: ChildProcess[] = [];

  function run(command: string, ...args: string[]): ChildProcess & { pid: number } {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    if (child.pid === undefined) throw new Error(`${command} did not start`);
    return child as ChildProcess & { pid: number };
  }

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('is the same each time that it is read', () => {
    expect(readProcessIdentity(process.pid)).toEqual(readProcessIdentity(process.pid));
    expect(readProcessIdentity(process.pid)).toEqual({ pid: process.pid, startTime: expect.any(String) });
  });

  it('is alive while its process runs and not after', async () => {
    const child = run('sleep', '60');
    const identity = readProcessIdentity(child.pid)!;
    expect(isAlive(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(identity)).toBe(false);
    expect(readProcessIdentity(child.pid)).toBeUndefined();
  });

  it('tells a process from another one which has got its pid', () => {
    const identity = readProcessIdentity(process.pid)!;
    expect(isAlive({ ...identity, startTime: `1${identity.startTime}` })).toBe(false);
  });

  it('tells a process of this boot from one with the same pid and tick of another boot', () => {
    const [ticks] = readProcessIdentity(process.pid)!.startTime.split('@');
    expect(isAlive({ pid: process.pid, startTime: `${ticks}@another-boot` })).toBe(false);
  });

  it('counts a zombie as dead', async () => {
    const parent = run(process.execPath, '-e', NEGLIGENT_PARENT);
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const zombie = Number(line.toString());
    expect(await pollUntil(() => readProcessIdentity(zombie) === undefined, 5_000)).toBe(true);
    expect(() => process.kill(zombie, 0)).not.toThrow(); // it is still in the process table
  });

  it('is not misled by brackets and spaces in the name of a program', async () => {
    const child = run(
      process.execPath,
      '-e',
      'process.title="a) Z (b"; console.log(1); setInterval(() => {}, 1e6)',
    );
    await once(child.stdout!, 'data');
    expect(isAlive(readProcessIdentity(child.pid)!)).toBe(true);
  });

  it.each([0, -1, 1.5, NaN, 2 ** 40])('is undefined for %d, which is no pid of a process', (pid) => {
    expect(readProcessIdentity(pid)).toBeUndefined();
  });
});

/** Starts a program that ends at once, and from then on never returns to the loop that would reap it. */
const NEGLIGENT_PARENT = `
  const { pid } = require('child_process').spawn('true');
  require('fs').writeSync(1, pid + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
`;
