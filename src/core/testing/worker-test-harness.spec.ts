import { Controller, Get, Injectable, type INestApplication, Module } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gate } from '../../../test/support/gate.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerBusyError } from '../scheduler/scheduler.errors.js';
import { Interval } from '../worker/interval.decorator.js';
import { RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { ManualClock } from './manual-clock.js';
import { NothingDueError, NoWorkerModuleError, RunSkippedError } from './testing.errors.js';
import { WorkerTestHarness } from './worker-test-harness.js';

@Injectable()
class Mailer {
  send(): string {
    return 'really sent';
  }
}

@Injectable()
class Newsletter {
  readonly sent: string[] = [];
  constructor(private readonly mailer: Mailer) {}
  @Interval('newsletter', '1h')
  mail({ payload }: RunContext) {
    if (payload === 'fail') throw new Error('as told');
    this.sent.push(this.mailer.send());
  }
}

@Module({ imports: [WorkerModule.forRoot()], providers: [Mailer, Newsletter] })
class AppModule {}

describe('WorkerTestHarness', () => {
  let harness: WorkerTestHarness;
  afterEach(() => harness?.close());

  async function start(
    workers: (Pick<Worker, 'name' | 'interval' | 'run'> & WorkerOptions)[],
    options: WorkerModuleOptions = {},
  ): Promise<void> {
    harness = await WorkerTestHarness.create(
      { imports: [WorkerModule.forRoot(options)] },
      { override: (builder) => builder.setLogger(false as never) },
    );
    for (const worker of workers) harness.get(Scheduler).register(worker);
  }

  it('starts the application with the clock standing still, whatever the time is really', async () => {
    harness = await WorkerTestHarness.create({ imports: [AppModule] });
    expect(harness.clock.now()).toBe(Date.UTC(2026, 0, 1));
    expect(harness.worker('newsletter')).toMatchObject({ running: true, runCount: 0 });
    expect(harness.events).toEqual([]);
  });

  it('takes a clock that stands elsewhere, and puts other providers in the place of those of the application', async () => {
    harness = await WorkerTestHarness.create(
      { imports: [AppModule] },
      {
        clock: new ManualClock(Date.UTC(2030, 5, 1)),
        override: (builder) => builder.overrideProvider(Mailer).useValue({ send: () => 'pretended' }),
      },
    );
    const { startedAt } = await harness.runNext('newsletter');
    expect(startedAt.getUTCFullYear()).toBe(2030);
    expect(harness.get(Newsletter).sent).toEqual(['pretended']);
  });

  it('runs what falls due when time moves on', async () => {
    harness = await WorkerTestHarness.create({ imports: [AppModule] });
    await harness.advance('3h');
    expect(harness.get(Newsletter).sent).toHaveLength(3);
    expect(harness.workers()).toEqual([expect.objectContaining({ name: 'newsletter', runCount: 3 })]);
  });

  it('goes to the next run of a worker, at its instant, and waits for its end though it takes real time', async () => {
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
    await start([{ name: 'slow', interval: '5m', run: slow }]);
    const due = harness.worker('slow').nextRun;
    const run = await harness.runNext('slow');
    expect(run).toMatchObject({ worker: 'slow', outcome: 'succeeded', trigger: 'schedule', slot: due });
    expect(new Date(harness.clock.now())).toEqual(due);
    const next = await harness.runNext('slow');
    expect(next.slot!.getTime() - run.slot!.getTime()).toBe(300_000);
  });

  it('goes to the next run of one that is jittered, of one that is counted from its last end, and of one that backs off', async () => {
    await start([
      { name: 'jittered', interval: '5m', jitter: 0.5, run: () => {} },
      { name: 'delayed', interval: '5m', spacing: 'delay', run: () => {} },
      { name: 'fails', interval: '1d', backoff: '10s', run: () => Promise.reject(new Error('no')) },
    ]);
    expect(await harness.runNext('jittered')).toMatchObject({ outcome: 'succeeded' });
    expect(await harness.runNext('jittered')).toMatchObject({ outcome: 'succeeded' });
    expect(await harness.runNext('delayed')).toMatchObject({ outcome: 'succeeded' });
    expect(await harness.runNext('fails')).toMatchObject({ outcome: 'failed', attempt: 1 });
    expect(await harness.runNext('fails')).toMatchObject({ trigger: 'retry', attempt: 2 });
  });

  it('goes to the next run also after the wall clock was set forward', async () => {
    await start([{ name: 'w', interval: '1h', run: () => {} }]);
    harness.clock.setWall(harness.clock.now() + 7_200_000);
    expect(await harness.runNext('w')).toMatchObject({ outcome: 'succeeded' });
  });

  it('returns a run that waited for another one to end, as its overlap policy says', async () => {
    const first = gate();
    await start([{ name: 'w', interval: '1m', overlap: 'queueOne', run: ({ payload }) => (payload ? first.opened : undefined) }]); // prettier-ignore
    const byHand = harness.run('w', 'by hand');
    const queued = harness.runNext('w');
    await harness.advance(0);
    expect(harness.worker('w').activeRuns).toBe(1);
    first.open();
    expect((await byHand).trigger).toBe('manual');
    expect(await queued).toMatchObject({ trigger: 'schedule', outcome: 'succeeded' });
  });

  it('lets a test move the time that a run waits for', async () => {
    const deaf = () => new Promise<void>((resolve) => harness.clock.setTimer(resolve, 90_000));
    await start([{ name: 'deaf', interval: '1h', timeout: '1m', run: deaf }]);
    const run = harness.runNext('deaf');
    await harness.advance('75s');
    expect(harness.worker('deaf').state).toBe('stuck');
    await harness.advance('15s');
    expect(await run).toMatchObject({ outcome: 'timed_out' });
  });

  it.each(['one process', 'a cluster'])(
    'says so when the run was skipped by one that is active and takes time, in %s',
    async (where) => {
      const clock = new ManualClock();
      const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
      harness = await WorkerTestHarness.create(
        { imports: [WorkerModule.forRoot(coordination)] },
        { clock, override: (builder) => builder.setLogger(false as never) },
      );
      const slow = () => new Promise<void>((resolve) => void clock.setTimer(resolve, 25_000));
      harness.get(Scheduler).register({ name: 'slow', interval: '10s', run: slow });
      const first = harness.runNext('slow');
      while (harness.worker('slow').activeRuns === 0) await harness.advance('1s');
      await expect(harness.runNext('slow')).rejects.toThrow(RunSkippedError);
      await expect(harness.runNext('slow')).rejects.toThrow(RunSkippedError);
      const third = harness.runNext('slow');
      await harness.advance('31s');
      await expect(first).resolves.toMatchObject({ outcome: 'succeeded' });
      await expect(third).resolves.toMatchObject({ outcome: 'succeeded' });
    },
  );

  it('says so when the run was skipped, when none is due, and when there is no such worker', async () => {
    const never = gate();
    await start([
      { name: 'busy', interval: '1m', run: () => never.opened },
      { name: 'on_demand', interval: 0, run: () => {} },
    ]);
    void harness.run('busy');
    await expect(harness.runNext('busy')).rejects.toThrow(RunSkippedError);
    await expect(harness.runNext('on_demand')).rejects.toThrow(NothingDueError);
    await expect(harness.runNext('on_demand')).rejects.toThrow(
      '"on_demand" has no next run, it is idle: resume or start it, wait for the end of its run, or trigger it by `run`',
    );
    await expect(harness.runNext('bussy')).rejects.toThrow(UnknownWorkerError);
    expect(() => harness.worker('bussy')).toThrow('No worker is named "bussy". There are: busy, on_demand');
  });

  it('triggers a run with a payload and gives its record, also when it failed', async () => {
    harness = await WorkerTestHarness.create(
      { imports: [AppModule] },
      { override: (builder) => builder.setLogger(false as never) },
    );
    expect(await harness.run('newsletter')).toMatchObject({ outcome: 'succeeded', trigger: 'manual' });
    const failed = await harness.run('newsletter', 'fail');
    expect(failed).toMatchObject({ outcome: 'failed', error: { message: 'as told' } });
    expect((await harness.runs('newsletter')).map(({ outcome }) => outcome).sort()).toEqual([
      'failed',
      'succeeded',
    ]);
    expect(await harness.runs('newsletter', 1)).toHaveLength(1);
    expect(await harness.runs()).toHaveLength(2);
  });

  it('rejects what cannot be triggered, as the scheduler does', async () => {
    const hold = gate();
    await start([{ name: 'w', interval: 0, run: () => hold.opened }]);
    const run = harness.run('w');
    await expect(harness.run('w')).rejects.toThrow(WorkerBusyError);
    hold.open();
    await run;
  });

  it('collects what happened, the start of the application included', async () => {
    @Injectable()
    class Eager {
      @Interval('eager', '1h', { runOnStart: true })
      run() {}
    }
    harness = await WorkerTestHarness.create({ imports: [WorkerModule.forRoot()], providers: [Eager] });
    await harness.idle();
    expect(harness.events.map(({ type, worker }) => [type, worker])).toEqual([
      ['run.started', 'eager'],
      ['run.succeeded', 'eager'],
    ]);
  });

  it('waits until no run is active', async () => {
    let ended = 0;
    const slow = (ms: number) => () =>
      new Promise<void>((resolve) => setTimeout(() => (ended++, resolve()), ms));
    await start([
      { name: 'slow', interval: '1m', run: slow(3) },
      { name: 'slower', interval: '1m', run: slow(9) },
    ]);
    await harness.advance('1m');
    await harness.idle();
    expect(ended).toBe(2);
    await harness.idle();
  });

  it('makes the application that it is told to, and one over HTTP answers', async () => {
    @Controller()
    class Hello {
      @Get('hello')
      hello() {
        return 'hello';
      }
    }
    const http: WorkerTestHarness<INestApplication> = await WorkerTestHarness.create(
      { imports: [AppModule], controllers: [Hello] },
      { application: (module) => module.createNestApplication() },
    );
    await http.app.listen(0, '127.0.0.1');
    expect(await (await fetch(`${await http.app.getUrl()}/hello`)).text()).toBe('hello');
    expect((await http.runNext('newsletter')).outcome).toBe('succeeded');
    await http.close();
  });

  it('closes in no time with runs that are deaf to their signal, and records each as it was left', async () => {
    const store = new InMemoryRunStore();
    let aborted = 0;
    await start(
      [
        { name: 'deaf', interval: 0, run: () => new Promise(() => {}) },
        {
          name: 'hears',
          interval: 0,
          run: ({ signal }) =>
            new Promise((resolve) => signal.addEventListener('abort', () => resolve(aborted++))),
        },
        { name: 'slow', interval: 0, run: () => new Promise<void>((resolve) => harness.clock.setTimer(resolve, 3_000)) }, // prettier-ignore
      ],
      { history: store, drain: { timeout: '5m', abortGrace: '1m' } },
    );
    for (const { name } of harness.workers()) void harness.run(name);
    await harness.close();
    expect(aborted).toBe(1);
    const runs = await store.find({ limit: 10 });
    expect(Object.fromEntries(runs.map(({ worker, outcome }) => [worker, outcome]))).toEqual({
      deaf: 'aborted',
      hears: 'aborted',
      slow: 'succeeded',
    });
  });

  it('says what is missing when nothing imports WorkerModule', async () => {
    await expect(WorkerTestHarness.create({ providers: [Mailer] })).rejects.toThrow(NoWorkerModuleError);
  });

  it('fails with what the start of the application fails with', async () => {
    class Broken {
      onModuleInit() {
        throw new Error('cannot start');
      }
    }
    await expect(WorkerTestHarness.create({ imports: [AppModule], providers: [Broken] })).rejects.toThrow(
      'cannot start',
    );
  });
});
