import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectories } from '../../../test/support/temporary-directory.js';
import { lockDirectory } from './directory-lock.js';
import { DataDirectoryInUseError } from './index.js';

describe('lockDirectory', () => {
  // Three Node processes are started.
  jest.setTimeout(30_000);
  const temporaryDirectory = temporaryDirectories();

  it('lets nobody else in until it is released', async () => {
    const directory = await temporaryDirectory();
    const lock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toThrow(DataDirectoryInUseError);
    await lock.release();
    const next = await lockDirectory(directory);
    await next.release();
  });

  it('does not release what another has taken since', async () => {
    const directory = await temporaryDirectory();
    const first = await lockDirectory(directory);
    await first.release();
    await lockDirectory(directory);
    await first.release();
    await expect(lockDirectory(directory)).rejects.toThrow(DataDirectoryInUseError);
  });

  it('keeps a single file, however often it is taken', async () => {
    const directory = await temporaryDirectory();
    for (let n = 0; n < 5; n++) await (await lockDirectory(directory)).release();
    expect(await readdir(directory)).toEqual(['app.lock.5']);
  });

  it('takes over from a process that has ended without releasing it', async () => {
    const directory = await temporaryDirectory();
    const starter = await Starter.launch();
    expect(await starter.lock(directory)).toBe('held');
    await expect(lockDirectory(directory)).rejects.toThrow(`in use by process ${starter.pid}`);
    await starter.kill();
    await lockDirectory(directory);
  });

  it('takes over when the pid has gone to another process since', async () => {
    const directory = await temporaryDirectory();
    await writeLock(directory, 3, { pid: process.pid, startTime: 'long ago' });
    await lockDirectory(directory);
    expect(await readdir(directory)).toEqual(['app.lock.4']);
  });

  it.each(['', '{"pid":1', '{}'])('takes over from a file that a power cut has torn: %j', async (text) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'app.lock.1'), text);
    await lockDirectory(directory);
  });

  it('clears away what a killed starter has left half done', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'app.lock.draft-0123'), '');
    await lockDirectory(directory);
    expect(await readdir(directory)).toEqual(['app.lock.1']);
  });

  it('gives way to a higher number that came while it was looking', async () => {
    const directory = await temporaryDirectory();
    const holder = await lockDirectory(directory);
    const own = JSON.parse(await readFile(join(directory, 'app.lock.1'), 'utf8')) as object;
    await writeLock(directory, 5, own);
    await expect(lockDirectory(directory)).rejects.toThrow(DataDirectoryInUseError);
    await holder.release();
    await expect(lockDirectory(directory)).rejects.toThrow(DataDirectoryInUseError);
  });

  describe('with several starting at the same moment', () => {
    let starters: Starter[];
    beforeAll(async () => {
      starters = await Promise.all([1, 2, 3].map(() => Starter.launch()));
    });
    afterEach(() => Promise.all(starters.map((starter) => starter.release())));
    afterAll(() => Promise.all(starters.map((starter) => starter.kill())));

    const ROUNDS = Array.from({ length: 40 }, (_, round) => round);

    it('lets exactly one have a new directory', async () => {
      for (const round of ROUNDS) {
        const directory = await temporaryDirectory();
        const outcomes = await Promise.all(starters.map((starter) => starter.lock(directory)));
        expect({ round, outcomes: outcomes.sort() }).toEqual({
          round,
          outcomes: ['held', 'in use', 'in use'],
        });
        await Promise.all(starters.map((starter) => starter.release()));
      }
    });

    it('lets exactly one take over from a process that has ended', async () => {
      for (const round of ROUNDS) {
        const directory = await temporaryDirectory();
        await writeLock(directory, 1, { pid: process.pid, startTime: 'long ago' });
        const outcomes = await Promise.all(starters.map((starter) => starter.lock(directory)));
        expect({ round, outcomes: outcomes.sort() }).toEqual({
          round,
          outcomes: ['held', 'in use', 'in use'],
        });
        await Promise.all(starters.map((starter) => starter.release()));
      }
    });

    it('never has two at once while all take and release it as fast as they can', async () => {
      const directory = await temporaryDirectory();
      const taken = await Promise.all(starters.map((starter) => starter.contend(directory, 200)));
      expect(taken.map(({ intrusions }) => intrusions)).toEqual([0, 0, 0]);
      expect(taken.reduce((sum, { times }) => sum + times, 0)).toBeGreaterThan(100);
    });
  });
});

async function writeLock(directory: string, number: number, identity: object): Promise<void> {
  await writeFile(join(directory, `app.lock.${number}`), JSON.stringify(identity));
}

/** Another process that locks on demand. */
class Starter {
  private static readonly SCRIPT = `
    import { open, rm } from 'node:fs/promises';
    import { join } from 'node:path';
    const { lockDirectory } = await import(${JSON.stringify(new URL('./directory-lock.ts', import.meta.url).href)});
    let lock;
    const attempt = async (directory) => {
      try {
        lock = await lockDirectory(directory);
        return 'held';
      } catch (error) {
        return error.name === 'DataDirectoryInUseError' ? 'in use' : String(error);
      }
    };
    const commands = {
      lock: attempt,
      release: () => lock?.release(),
      // Who has the lock makes a file that must not be there, and removes it before letting go.
      contend: async (directory, attempts) => {
        const result = { times: 0, intrusions: 0 };
        for (let n = 0; n < attempts; n++) {
          const outcome = await attempt(directory);
          if (outcome === 'in use') continue;
          if (outcome !== 'held') throw new Error(outcome);
          result.times++;
          const mark = join(directory, 'mark');
          await open(mark, 'wx').then((file) => file.close(), () => result.intrusions++);
          await rm(mark, { force: true });
          await lock.release();
        }
        return result;
      },
    };
    process.on('message', async ([name, ...args]) => process.send({ answer: await commands[name](...args) }));
    process.send('ready');
  `;

  private constructor(private readonly process: ChildProcess) {}

  static async launch(): Promise<Starter> {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', Starter.SCRIPT],
      {
        cwd: fileURLToPath(new URL('../../../', import.meta.url)),
        env: { ...process.env, NODE_OPTIONS: '' },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    await once(child, 'message');
    return new Starter(child);
  }

  get pid() {
    return this.process.pid;
  }

  lock(directory: string) {
    return this.ask<'held' | 'in use'>('lock', directory);
  }

  release() {
    return this.ask<void>('release');
  }

  contend(directory: string, attempts: number) {
    return this.ask<{ times: number; intrusions: number }>('contend', directory, attempts);
  }

  async kill(): Promise<void> {
    const exit = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exit;
  }

  private async ask<T>(...command: unknown[]): Promise<T> {
    this.process.send(command);
    const [{ answer }] = (await once(this.process, 'message')) as [{ answer: T }];
    return answer;
  }
}
