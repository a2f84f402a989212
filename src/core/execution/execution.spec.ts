import { afterEach, describe, expect, it } from '@jest/globals';
import { testCluster } from '../../../test/support/cluster.js';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { type Run } from '../history/run.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

/** Rejects with that when the signal aborts. */
const once = (signal: AbortSignal, error: () => Error): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(error())));

/** What no description may stumble over. */
const THROWN: [string, () => unknown][] = [
  ['an error whose message is a list', () => Object.assign(new Error('x'), { message: ['name must be a string'] })],
  ['an error whose message is a number', () => Object.assign(new Error('x'), { message: 7 })],
  ['an error without a name', () => Object.assign(new Error('x'), { name: undefined })],
  ['an error whose stack is a list', () => Object.assign(new Error('x'), { stack: ['at x'] })],
  ['an error whose message is a getter that throws', () => Object.defineProperty(new Error('x'), 'message', { get: () => { throw new Error('y'); } })],
  ['a revoked Proxy', revoked],
  ['an object without prototype', () => Object.create(null)],
  ['an error whose cause is a revoked Proxy', () => new Error('x', { cause: revoked() })],
]; // prettier-ignore

describe('a run', () => {
  const closes: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  const alone = async (run: () => unknown): Promise<Workers> => {
    const workers = await startWorkers([{ name: 'w', interval: '1s', run }]);
    closes.push(workers.close);
    return workers;
  };
  const inCluster = async (run: () => unknown): Promise<Workers> => {
    const cluster = testCluster();
    closes.push(cluster.close);
    return cluster.join(() => [{ name: 'w', interval: '1s', run }]);
  };

  describe.each([
    ['alone', alone],
    ['in a cluster', inCluster],
  ])('%s', (_where, start) => {
    it.each(THROWN)('that throws %s has failed, and the worker goes on', async (_what, thrown) => {
      let calls = 0;
      const workers = await start(() => {
        if (++calls === 1) throw thrown();
      });
      await workers.clock.advance('3.5s');
      const [first, second] = await workers.runs('w');
      expect(first).toMatchObject({ outcome: 'failed', error: { message: expect.any(String) } });
      expect(first!.endedAt).toBeInstanceOf(Date);
      expect(second).toMatchObject({ outcome: 'succeeded' });
      expect(workers.scheduler.workerByName('w')).toMatchObject({ state: 'idle', activeRuns: 0 });
    });
  });

  describe.each([
    ['alone', 'one process'],
    ['in a cluster', 'a cluster'],
  ])('past its timeout, %s,', (_where, where) => {
    const passing = async (clock: ManualClock, run: Worker['run'], options: WorkerModuleOptions = {}) => {
      const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
      const workers = await startWorkers(
        [{ name: 'w', interval: 0, timeout: '2s', run }],
        { ...coordination, ...options },
        clock,
      );
      closes.push(workers.close);
      const { runId } = await workers.scheduler.trigger('w');
      await clock.advance(1_999);
      expect(workers.logs).toEqual([]);
      await clock.advance(500);
      return { ...workers, runId };
    };
    const timedOut = (runId: string) =>
      `Worker "w" timed out (run ${runId}): The run of "w" took longer than its timeout of 2000 ms`;

    it('is logged when that happens, and not once more when it ends', async () => {
      const clock = new ManualClock();
      const { logs, runId, runs } = await passing(clock, taking(clock, 6_000, { deaf: true }));
      expect(logs).toEqual([timedOut(runId)]);
      await clock.advance('10s');
      expect((await runs('w'))[0]).toMatchObject({ outcome: 'timed_out' });
      expect(logs).toEqual([timedOut(runId)]);
    });

    it.each([
      ['the reason of its signal', taking],
      ['an AbortError', () => ({ signal }: RunContext) => once(signal, () => new DOMException('aborted', 'AbortError'))],
      ['an error that the reason is the cause of', () => ({ signal }: RunContext) => once(signal, () => new Error('gave up', { cause: signal.reason }))],
    ] as const)('is logged once when it heeds its signal and throws %s', async (_what, run) => {
      const clock = new ManualClock();
      const { logs, runId } = await passing(clock, run(clock, 6_000));
      expect(logs).toEqual([timedOut(runId)]);
    }); // prettier-ignore

    it('is logged with what it throws after that, where that is something else', async () => {
      const clock = new ManualClock();
      const { logs, runId } = await passing(clock, ({ signal }) => once(signal, () => new Error('no space left')));
      expect(logs).toEqual([timedOut(runId), `Worker "w" failed after its timeout (run ${runId}): no space left`]);
    }); // prettier-ignore

    it('is told to onError and events$ when that happens, and to onError not once more when it ends', async () => {
      const clock = new ManualClock();
      const heard: unknown[] = [];
      const told: string[] = [];
      const onError = (run: Run, error: unknown) => heard.push([run.id, run.outcome, (error as Error).name]);
      const { runId, scheduler } = await passing(clock, taking(clock, 6_000, { deaf: true }), { onError });
      scheduler.events$.subscribe(({ type }) => told.push(type));
      expect(heard).toEqual([[runId, 'running', 'RunTimeoutError']]);
      await clock.advance('10s');
      expect(heard).toHaveLength(1);
      expect(told).toEqual(['run.timed_out']);
      await scheduler.trigger('w');
      await clock.advance('2.5s');
      expect(told).toEqual(['run.timed_out', 'run.started', 'run.overdue']);
      expect(heard).toHaveLength(2);
    });

    it('is not said to have timed out when it had been cancelled before', async () => {
      const clock = new ManualClock();
      const workers = await startWorkers(
        [{ name: 'w', interval: 0, timeout: '2s', run: taking(clock, 4_000, { deaf: true }) }],
        {},
        clock,
      );
      closes.push(workers.close);
      const { runId } = await workers.scheduler.trigger('w');
      await clock.advance('1s');
      await workers.scheduler.cancel(runId);
      await clock.advance('5s');
      expect((await workers.runs('w'))[0]).toMatchObject({ outcome: 'cancelled' });
      expect(workers.logs).toEqual([expect.stringContaining('Worker "w" cancelled')]);
    });
  });

  it('says in the log and in the status why it failed, with the reasons', async () => {
    const reason = new Error('connect ECONNREFUSED 127.0.0.1:9');
    const { clock, logs, scheduler } = await alone(() => {
      throw new TypeError('fetch failed', { cause: reason });
    });
    await clock.advance('1s');
    expect(logs).toContainEqual(
      expect.stringMatching(/^Worker "w" failed \(run .*\): fetch failed: connect ECONNREFUSED 127.0.0.1:9$/),
    );
    expect(scheduler.workerByName('w')!.lastError).toBe('fetch failed: connect ECONNREFUSED 127.0.0.1:9');
  });
});
