import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './launcher.js';
import { readProcessIdentity } from './process-identity.js';
import { pollUntil } from '../waiting.js';

describe('launcher', () => {
  let directory: string;
  let run: string;
  let output: FileHandle;
  let children: ChildProcess[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'launcher-'));
    run = join(directory, 'run.1');
    await mkdir(run);
    output = await open(join(directory, 'output.log'), 'a');
    children = [];
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await output.close();
    await rm(directory, { recursive: true });
  });

  function start(env: Record<string, string> = { PATH: process.env.PATH! }): ChildProcess {
    const args = ['-c', 'echo "$$ runs"; exec sleep 3600'];
    const child = launch(run, { file: '/bin/sh', args, env, directory, output: output.fd });
    children.push(child);
    return child;
  }

  const lines = async () => (await readFile(join(directory, 'output.log'), 'utf8')).split('\n').slice(0, -1);
  const programsRun = async () => (await lines()).filter((line) => line.endsWith(' runs'));

  it('writes down the pid and start time of the program that it becomes', async () => {
    const { pid } = start();
    await pollUntil(async () => (await programsRun()).length > 0, 5_000);
    expect(await programsRun()).toEqual([`${pid} runs`]);
    const { startTime } = readProcessIdentity(pid!)!;
    expect(await readFile(join(run, 'identity'), 'utf8')).toBe(`${pid} ${startTime}\n`);
  });

  it('runs the program once, however many launchers there are of a run', async () => {
    const launchers = Array.from({ length: 8 }, () => start());
    const over = () => launchers.filter(({ exitCode }) => exitCode !== null);
    await pollUntil(async () => over().length === 7 && (await programsRun()).length > 0, 10_000);
    expect(over().map(({ exitCode }) => exitCode)).not.toContain(0);
    const alive = launchers.filter(({ exitCode }) => exitCode === null).map(({ pid }) => `${pid} runs`);
    expect(alive).toHaveLength(1);
    expect(await programsRun()).toEqual(alive);
  });

  it('runs nothing when its run was closed before it got there', async () => {
    await rename(run, join(directory, 'ended.1'));
    const [code] = await once(start(), 'exit');
    expect(code).not.toBe(0);
    expect(await programsRun()).toEqual([]);
    expect(await readdir(join(directory, 'ended.1'))).toEqual([]);
  });

  it('needs nothing of the PATH that it hands on', async () => {
    start({ PATH: '/no/such/place', IFS: '0', ENV: '/dev/tty' });
    await pollUntil(async () => (await lines()).length > 0, 5_000);
    // `sleep` is not found there, but the program itself was reached.
    expect(await programsRun()).toHaveLength(1);
  });

  it('has a session of its own, which its process group leads', async () => {
    const { pid } = start();
    await pollUntil(async () => (await programsRun()).length > 0, 5_000);
    expect(process.kill(-pid!, 0)).toBe(true);
    const [, , group, session] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
    expect([group, session]).toEqual([String(pid), String(pid)]);
  });
});
