import { afterEach, describe, expect, it } from '@jest/globals';
import { testCluster } from '../../../test/support/cluster.js';
import { startWorkers, taking, type Workers } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { RunCancelledError } from '../execution/execution.errors.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';
import { RunDroppedError, UnknownRunError } from './scheduler.errors.js';

const BY = { actor: 'ann', reason: 'too slow' };

describe.each(['one process', 'a cluster'])('cancelling a run, in %s', (where) => {
  let clock: ManualClock;
  let workers: Workers;
  afterEach(() => workers.close());

  async function start(worker: Partial<Worker>): Promise<void> {
    clock = new ManualClock();
    const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
    workers = await startWorkers(
      [{ name: 'w', interval: 0, run: taking(clock, 60_000), ...worker }],
      coordination,
      clock,
    );
    await clock.advance('2s');
  }

  it('aborts its signal with who did it and why; it ends as cancelled, and is no failure', async () => {
    const events: string[] = [];
    let reason: unknown;
    await start({
      backoff: '10s',
      run: (context: RunContext) => {
        context.signal.addEventListener('abort', () => (reason = context.signal.reason));
        return taking(clock, 60_000)(context);
      },
    });
    workers.scheduler.events$.subscribe(({ type }) => events.push(type));
    const { runId, ended } = await workers.scheduler.trigger('w');
    await clock.advance('1s');
    await workers.scheduler.cancel(runId, BY);
    await clock.advance('1s');
    expect(await ended).toMatchObject({
      outcome: 'cancelled',
      error: { name: 'RunCancelledError', message: 'The run of "w" was cancelled by ann: too slow' },
    });
    expect(reason).toBeInstanceOf(RunCancelledError);
    expect((reason as RunCancelledError).by).toEqual(BY);
    expect(events).toContain('run.cancelled');
    expect(await workers.runs('w')).toMatchObject([{ id: runId, outcome: 'cancelled' }]);
    expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: 1, consecutiveFailures: 0 });
    await clock.advance('1m');
    expect(await workers.runs('w')).toHaveLength(1);
  });

  it.each([7, null, { by: 'hand' }, 'a\0b', '\ud83d', Symbol('why')])(
    'takes the reason %p',
    async (reason) => {
      await start({});
      const { runId, ended } = await workers.scheduler.trigger('w');
      await clock.advance('1s');
      await workers.scheduler.cancel(runId, { reason: reason as never });
      await clock.advance('1s');
      expect((await ended).outcome).toBe('cancelled');
    },
  );

  it('goes on with the next slot: the one that was cancelled is not run again', async () => {
    await start({ interval: '1m', backoff: '1s', run: taking(clock ?? new ManualClock(), 30_000) });
    let running;
    while (!(running = (await workers.runs('w')).find(({ outcome }) => outcome === 'running'))) await clock.advance('1s');
    await workers.scheduler.cancel(running.id);
    await clock.advance('1s');
    const slot = running.slot!.getTime();
    await clock.advance('1m');
    const runs = await workers.runs('w');
    expect(runs.map(({ outcome, slot: of }) => [outcome, of!.getTime()])).toEqual([
      ['cancelled', slot],
      ['running', slot + 60_000],
    ]);
  }); // prettier-ignore

  it('takes away one that waits, which then never starts, and keeps who did it', async () => {
    await start({ overlap: 'queueOne' });
    const first = await workers.scheduler.trigger('w');
    await clock.advance('1s');
    const second = await workers.scheduler.trigger('w');
    await clock.advance('1s');
    await workers.scheduler.cancel(second.runId, BY);
    await clock.advance('2s');
    await expect(second.ended).rejects.toThrow(RunDroppedError);
    await clock.advance('2m');
    await first.ended;
    expect(await workers.runs('w')).toEqual([
      expect.objectContaining({ id: first.runId, outcome: 'succeeded' }),
      expect.objectContaining({
        id: second.runId,
        outcome: 'cancelled',
        error: expect.objectContaining({ message: expect.stringContaining('by ann: too slow') }),
      }),
    ]);
    expect(workers.scheduler.workerByName('w')).toMatchObject({ runCount: 1, state: 'idle' });
  });

  it('finds each of several that run side by side', async () => {
    await start({ overlap: 'allow' });
    const handles = [];
    for (let n = 0; n < 3; n++) handles.push(await workers.scheduler.trigger('w'));
    await clock.advance('2s');
    await workers.scheduler.cancel(handles[1]!.runId);
    await clock.advance('2m');
    const outcomes = await Promise.all(handles.map(async ({ ended }) => (await ended).outcome));
    expect(outcomes).toEqual(['succeeded', 'cancelled', 'succeeded']);
  });

  it('has no word for runs that have ended, or that there never were', async () => {
    await start({ run: () => {} });
    const { runId, ended } = await workers.scheduler.trigger('w');
    await clock.advance('2s');
    await ended;
    for (const id of [runId, 'b2f7a5a6-3c1c-4f5e-9a53-1f0f3a0a9f10', 'no id', '', '\0', 'x'.repeat(10_000)])
      await expect(workers.scheduler.cancel(id)).rejects.toThrow(UnknownRunError);
  });

  it('keeps of actor and reason what can be stored', async () => {
    await start({});
    const { runId, ended } = await workers.scheduler.trigger('w');
    await clock.advance('1s');
    await workers.scheduler.cancel(runId, { actor: 'a\0\ud83d'.repeat(1_000), reason: 'r'.repeat(10_000) });
    await clock.advance('1s');
    const { error } = await ended;
    expect(error!.message.isWellFormed()).toBe(true);
    expect(error!.message.length).toBeLessThanOrEqual(2_000);
  });
});

describe('cancelling a run of another replica', () => {
  it.each(['skip', 'allow'] as const)('reaches it within a second, with overlap %s', async (overlap) => {
    const cluster = testCluster();
    const { clock } = cluster;
    const run = taking(clock, 60_000);
    const first = await cluster.join(() => [{ name: 'w', interval: 0, overlap, run }]);
    // It knows the worker and runs none.
    const second = await cluster.join(() => [{ name: 'w', interval: 0, overlap, run }], { run: false });
    const { runId, ended } = await first.scheduler.trigger('w');
    await clock.advance('1s');
    await second.scheduler.cancel(runId, BY);
    await clock.advance('1100ms');
    expect(await ended).toMatchObject({ outcome: 'cancelled', error: { message: expect.stringContaining('ann') } });
    await cluster.close();
  }); // prettier-ignore
});
