import { describe, expect, it } from '@jest/globals';
import { tmpdir } from 'node:os';
import { runCommand } from './run-command.js';

describe('runCommand', () => {
  const sh = (script: string, signal?: AbortSignal) =>
    runCommand({ file: '/bin/sh', args: ['-c', script], env: { A: 'b' }, directory: tmpdir(), signal });

  it('gives what the command writes, and its exit code', async () => {
    expect(await sh('echo $A; echo no >&2; exit 7')).toEqual({ exitCode: 7, stdout: 'b\n', stderr: 'no\n' });
  });

  it('gives 128 and the number of the signal that has ended it', async () => {
    expect(await sh('kill -9 $$')).toMatchObject({ exitCode: 137 });
  });

  it('keeps the first mebibyte of each output and lets the command write on', async () => {
    const { exitCode, stdout, stderr } = await sh(
      'head -c 3000000 /dev/zero; head -c 3 /dev/zero >&2; exit 4',
    );
    expect([exitCode, stdout.length, stderr.length]).toEqual([4, 1024 * 1024, 3]);
  });

  it('gives it nothing to read', async () => {
    expect(await sh('cat')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('kills it when the signal aborts, and what it has started', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    // The inner sleep holds the output: it ends only when that is killed too.
    const running = sh('sleep 3600 & sleep 3600', controller.signal);
    setImmediate(() => controller.abort(reason));
    await expect(running).rejects.toBe(reason);
  });

  it('starts nothing when the signal has aborted already', async () => {
    const reason = new Error('enough');
    await expect(sh('true', AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('rejects when it cannot be started', async () => {
    const nowhere = { file: '/no/such/file', args: [], env: {}, directory: tmpdir() };
    await expect(runCommand(nowhere)).rejects.toThrow(/ENOENT/);
  });
});
