import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Run } from '../../src/core/history/run.js';
import { eventually } from '../support/eventually.js';
import { childrenOf, IsolatedApp } from '../support/isolated-app.js';

/** What a run in a thread or process comes to, whatever its worker does. One application for all. */
describe('an isolated run', () => {
  let app: IsolatedApp;
  beforeAll(() => {
    app = new IsolatedApp({
      env: {
        HEAVY_OPTIONS: JSON.stringify({
          fills: { isolate: { memory: 32 } },
          loops: { isolate: { grace: 100 } },
          ignores: { isolate: { grace: 100 } },
          loops_on: { timeout: 300, isolate: { grace: 100 } },
        }),
      },
    });
  });
  afterAll(() => app.destroy());

  describe.each(['thread', 'process'] as const)('in a %s', (kind) => {
    const run = (worker: string, more?: Parameters<IsolatedApp['run']>[1]) =>
      app.run(`${kind}.${worker}`, more);

    it('has the context that it would have in the main thread, and its log', async () => {
      const record = await run('echoes', { payload: { a: [1, null, 'é😀'] } });
      expect(record).toMatchObject({ outcome: 'succeeded', trigger: 'manual', actor: 'tester', attempt: 1 });
      const { lines } = record.log!;
      expect(lines).toHaveLength(1);
      const seen = JSON.parse(lines[0]!.message) as Record<string, unknown>;
      expect(seen).toMatchObject({
        payload: { a: [1, null, 'é😀'] },
        worker: `${kind}.echoes`,
        runId: record.id,
        attempt: 1,
        trigger: 'manual',
        actor: 'tester',
        scheduledAt: record.scheduledAt,
        startedAt: record.startedAt,
        current: true,
        aborted: false,
      });
      expect(seen['pid'] === app.pid).toBe(kind === 'thread');
      expect(seen['thread'] === 0).toBe(kind === 'process');
    });

    it('keeps the last progress and metrics, and logs with the level and name', async () => {
      const record = await run('reports');
      expect(record).toMatchObject({
        outcome: 'succeeded',
        progress: { done: 100_000, total: 100_000, message: 'row' },
        metrics: { rows: 100_000, bytes: 1.5 },
        log: { lines: [{ level: 'error', message: 'by the logger of the run' }], dropped: 0 },
      });
      await eventually(() => /WARN \[Heavy\] by the logger of Nest/.test(app.output));
      expect(app.output).toContain(`ERROR [${kind}.reports] by the logger of the run`);
    });

    it('fails with the error that the worker throws: its name, message, stack and causes', async () => {
      expect((await run('throws')).error).toEqual({
        name: 'TypeError',
        message: 'the error',
        stack: expect.stringMatching(/^TypeError: the error\n.*heavy\.module/),
        cause: {
          name: 'RangeError',
          message: 'the cause',
          stack: expect.stringContaining('heavy.module'),
        },
      });
      expect(await run('throws_text')).toMatchObject({
        outcome: 'failed',
        error: { message: 'a mere text' },
      });
    });

    it.each<[string, string, Partial<Run>]>([
      ['process.exit', 'exits', { error: { message: expect.stringMatching(/with exit code 7$/) as never } }],
      [
        'an exception in a callback',
        'throws_later',
        {
          error: {
            message: expect.any(String) as never,
            cause: { message: 'thrown in a callback' } as never,
          },
        },
      ],
      [
        'a rejection that nobody awaits',
        'rejects',
        {
          error: {
            message: expect.any(String) as never,
            cause: { message: 'rejected, and nobody awaits it' } as never,
          },
        },
      ],
      [
        'process.abort',
        'aborts',
        {
          error: {
            message: (kind === 'process'
              ? expect.stringContaining('by SIGABRT')
              : expect.stringContaining('not supported in workers')) as never,
          },
        },
      ],
      [
        'a full heap',
        'fills',
        {
          error: {
            message: (kind === 'process'
              ? expect.stringContaining('SIGABRT')
              : expect.stringContaining('exit code 1')) as never,
          },
        },
      ],
    ])('fails with %s, and the next one runs', async (_what, worker, expected) => {
      expect(await run(worker)).toMatchObject({ outcome: 'failed', ...expected });
      expect(await run('echoes')).toMatchObject({ outcome: 'succeeded' });
    });

    it('ends with process.exit(0) as failed, for it has not come to its end', async () => {
      expect(await run('exits', { payload: 0 })).toMatchObject({
        outcome: 'failed',
        error: { name: 'IsolatedCrashError', message: expect.stringMatching(/exit code 0$/) },
      });
    });

    it('heeds its signal when it is cancelled', async () => {
      expect(await run('heeds', { cancel: true })).toMatchObject({
        outcome: 'cancelled',
        progress: { done: 1, total: 2, message: 'waits' },
        error: {
          name: 'RunCancelledError',
          message: `The run of "${kind}.heeds" was cancelled: enough`,
        },
      });
    });

    it.each(['loops', 'ignores'])(
      'that %s is ended by force when it is cancelled, and the next one runs',
      async (worker) => {
        expect(await run(worker, { cancel: true })).toMatchObject({
          outcome: 'cancelled',
          error: {
            name: 'RunTerminatedError',
            message: `The run of "${kind}.${worker}" did not end within 100 ms after its signal aborted, and its ${kind} was ended`,
            cause: { name: 'RunCancelledError' },
          },
        });
        expect(await run('echoes')).toMatchObject({ outcome: 'succeeded' });
      },
    );

    it('that loops is ended by force when its timeout has passed', async () => {
      expect(await run('loops_on')).toMatchObject({
        outcome: 'timed_out',
        error: { name: 'RunTerminatedError', cause: { name: 'RunTimeoutError' } },
      });
    });

    it('with a metric that is no number fails, with a result that cannot be copied succeeds', async () => {
      expect(await run('bad_metric')).toMatchObject({
        outcome: 'failed',
        error: { name: 'InvalidMetricError' },
      });
      expect(await run('bad_result')).toMatchObject({ outcome: 'succeeded' });
    });

    it('does not begin with a payload that has no JSON', async () => {
      const names = await app.ask('runUnserialisable', { worker: `${kind}.echoes` });
      expect(names).toEqual(Array(4).fill('InvalidPayloadError'));
      expect(await run('echoes')).toMatchObject({ outcome: 'succeeded' });
    });

    it('takes no report of a run that has ended', async () => {
      const late = await run('late');
      expect(late.progress).toBeUndefined();
      await eventually(() => app.output.includes(`LOG [${kind}.late] said too late`));
      expect((await run('echoes')).progress).toBeUndefined();
    });
  });

  it.each(['thread', 'process'])('in a %s delays nobody while it computes', async (kind) => {
    const loops = app.run(`${kind}.loops`);
    for (let i = 0; i < 3; i++)
      expect(await app.run(`${kind}.echoes`)).toMatchObject({ outcome: 'succeeded' });
    expect(await app.worker(`${kind}.loops`)).toMatchObject({ state: 'executing' });
    await app.ask('cancel', { worker: `${kind}.loops` });
    expect(await loops).toMatchObject({ outcome: 'cancelled' });
    expect(app.output).not.toContain('blocked the event loop');
  });

  it('leaves no process, no zombie and no handle when the application has closed', async () => {
    expect(childrenOf(app.pid).length).toBeGreaterThan(0);
    await app.close();
    expect(childrenOf(app.pid)).toEqual([]);
    app.disconnect();
    expect(await app.exit).toBe(0);
  });
});
