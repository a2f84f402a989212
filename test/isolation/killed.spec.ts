import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { childrenOf, IsolatedApp } from '../support/isolated-app.js';
import { runs } from '../support/processes.js';

/** What is left of threads and processes when the application ends, in whatever way. */
describe('the processes of isolated workers', () => {
  const apps: IsolatedApp[] = [];
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.destroy();
  });
  function start(heavy: object = {}): IsolatedApp {
    const app = new IsolatedApp({ env: { HEAVY_OPTIONS: JSON.stringify(heavy) } });
    apps.push(app);
    return app;
  }
  /** Their pids, and that they have begun to do it. */
  async function busy(app: IsolatedApp, worker: string): Promise<number[]> {
    // Only when the application has started: that takes its time on a busy machine.
    await app.worker(worker);
    let ended: unknown;
    void app.run(worker).then(
      (run) => (ended = run),
      (error: unknown) => (ended = error),
    );
    const begun = await eventually(
      async () => (ended !== undefined && { ended }) || (await app.worker(worker)).progress,
      90_000,
    );
    expect(begun).not.toHaveProperty('ended');
    return childrenOf(app.pid).map(({ pid }) => pid);
  }

  it.each(['process.loops', 'process.ignores'])(
    'end when the application is killed, also in %s',
    async (worker) => {
      const app = start();
      const pids = await busy(app, worker);
      expect(pids.length).toBeGreaterThan(0);
      app.kill('SIGKILL');
      await app.exit;
      await eventually(() => pids.every((pid) => !runs(pid)));
    },
  );

  it('end when the application ends by process.exit', async () => {
    const app = start();
    const pids = await busy(app, 'process.loops');
    app.ask('exit').catch(() => {});
    expect(await app.exit).toBe(4);
    await eventually(() => pids.every((pid) => !runs(pid)));
  });

  it.each(['thread', 'process'])(
    'and a %s that loops end after the drain, and its run is recorded as aborted',
    async (kind) => {
      const app = start();
      const pids = await busy(app, `${kind}.loops`);
      app.kill('SIGTERM');
      expect(await app.exit).toBe('SIGTERM');
      expect(app.output).toContain(`Worker "${kind}.loops" aborted`);
      expect(pids.filter(runs)).toEqual([]);
    },
  );

  it('have the time of the drain, although Ctrl-C reaches them too', async () => {
    const app = start();
    const pids = await busy(app, 'process.heeds');
    for (const pid of pids)
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    // They have got the signals when they answer.
    expect(await app.run('process.echoes')).toMatchObject({ outcome: 'succeeded' });
    expect((await app.worker('process.heeds')).state).toBe('executing');
    app.kill('SIGTERM');
    expect(await app.exit).toBe('SIGTERM');
    expect(app.output).toContain('Worker "process.heeds" aborted');
    expect(app.output).not.toContain('IsolatedCrashError');
  });

  it('do not keep alive an application that has nothing more to do', async () => {
    const app = start();
    expect(await app.run('process.echoes')).toMatchObject({ outcome: 'succeeded' });
    expect(await app.run('thread.echoes')).toMatchObject({ outcome: 'succeeded' });
    const pids = childrenOf(app.pid).map(({ pid }) => pid);
    app.disconnect();
    expect(await app.exit).toBe(0);
    await eventually(() => pids.every((pid) => !runs(pid)));
  });
});
