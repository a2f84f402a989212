import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startWorkers, taking } from '../../../test/support/workers.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Duration } from '../timing/duration.js';
import { type Backoff, type OverlapPolicy, type WorkerOptions } from '../worker/worker-options.js';
import { timingOf } from '../registry/timing.js';

const START = Date.UTC(2026, 0, 1);

const HOUR = 3_600_000;

/** What happens to a worker, one thing after the other. `jump`: the wall clock is set, back when below zero. */
type Step =
  { do: 'wait' | 'block' | 'jump' | 'reschedule'; ms: number } | { do: 'pause' | 'resume' | 'trigger' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 60_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('block' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      ms: fc.oneof(fc.constantFrom(-HOUR, HOUR), fc.integer({ min: -2 * HOUR, max: 2 * HOUR })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reschedule' as const),
      ms: fc.integer({ min: 1_000, max: 30_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const, 'trigger' as const) }),
  },
);

const options: fc.Arbitrary<WorkerOptions> = fc.record(
  {
    overlap: fc.constantFrom<OverlapPolicy>('skip', 'queueOne', 'cancelRunning', 'allow'),
    jitter: fc.constantFrom<number | Duration>(0, 0.3, 1, '2s'),
    timeout: fc.constantFrom<Duration>('500ms', '3s', '1m'),
    backoff: fc.constantFrom<Backoff>({ initial: '1s', max: '5s' }, { initial: '20s', max: '1m' }),
    runOnStart: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe('every schedule, policy and history of pauses, blocks and clock jumps', () => {
  it('keeps the promises of the scheduler', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1_000, max: 30_000 }),
        options,
        fc.array(
          fc.record({ ms: fc.integer({ min: 0, max: 40_000 }), fails: fc.boolean(), deaf: fc.boolean() }),
          { minLength: 1, maxLength: 5 },
        ),
        fc.array(step, { minLength: 1, maxLength: 25 }),
        keepsItsPromises,
      ),
      { numRuns: 150, interruptAfterTimeLimit: 50_000 },
    );
  }, 60_000);
});

async function keepsItsPromises(
  first: number,
  policies: WorkerOptions,
  durations: { ms: number; fails: boolean; deaf: boolean }[],
  steps: Step[],
): Promise<void> {
  const clock = new ManualClock(START);
  let interval = first;
  let schedule = timingOf('w', interval, policies.jitter).schedule!;
  /** Slots that were run, each time that their instants came. */
  let ran = 0;
  /** Milliseconds that the wall clock was set back, all in all. */
  let setBack = 0;
  const broken: string[] = [];
  let on = 0;
  let calls = 0;
  let calm = false;
  const workers = await startWorkers(
    [
      {
        ...policies,
        name: 'w',
        interval,
        run: async (context) => {
          const { slot, startedAt, scheduledAt, trigger } = context;
          const latest = startedAt.getTime() + setBack;
          if (on > 0 && policies.overlap !== 'allow') broken.push('two runs at a time');
          if (slot && latest < slot.getTime()) broken.push(`${startedAt.toISOString()} is before its slot`);
          if (latest < scheduledAt.getTime()) broken.push(`${startedAt.toISOString()} is before it was due`);
          if (slot && trigger !== 'retry' && !(calls === 0 && policies.runOnStart)) ran++;
          const { ms, fails, deaf } = durations[calls++ % durations.length]!;
          if (calm) return;
          on++;
          await taking(clock, ms, { deaf })(context).finally(() => on--);
          if (fails) throw new Error('as told');
        },
      },
    ],
    {},
    clock,
  );
  const { scheduler } = workers;
  const info = () => scheduler.workerByName('w')!;
  await clock.advance(0);

  let paused = false;
  /** Slots that count: those of a pause do not, and those that come again when the clock is set back do so again. */
  let elapsed = 0;
  let countedFrom = START;
  const countUp = (): void => {
    elapsed += schedule.count(countedFrom, Math.max(countedFrom, schedule.latestDue(clock.now())));
  };
  let comeAgain = 0;
  const perform = async (current: Step): Promise<void> => {
    if (current.do === 'wait') await clock.advance(current.ms);
    else if (current.do === 'block') clock.block(current.ms);
    else if (current.do === 'trigger') await scheduler.trigger('w').catch(() => {});
    else if (current.do === 'jump') {
      if (-current.ms > interval && !paused) {
        countUp();
        countedFrom = clock.now() + current.ms;
        comeAgain++;
      }
      setBack += Math.max(0, -current.ms);
      clock.setWall(clock.now() + current.ms);
      // An alarm looks at the wall clock once a minute.
      await clock.advance('1m');
    } else if (current.do === 'reschedule') {
      if (!paused) countUp();
      interval = current.ms;
      schedule = timingOf('w', interval, policies.jitter).schedule!;
      countedFrom = clock.now();
      await scheduler.reschedule('w', interval);
    } else if (current.do === 'pause' && !paused) {
      paused = true;
      countUp();
      await scheduler.pause('w');
    } else if (current.do === 'resume' && paused) {
      paused = false;
      countedFrom = clock.now();
      await scheduler.resume('w');
    }
    // What fell due by now has its turn.
    await clock.advance(0);
    const { nextRun } = info();
    if (nextRun && nextRun.getTime() <= clock.now()) broken.push('the next run lies in the past');
    if (paused && nextRun) broken.push('a next run while paused');
  };
  for (const current of steps) await perform(current);

  // From here on all goes well, until nothing is on, queued or backing off.
  calm = true;
  await perform({ do: 'resume' });
  await clock.advance('5m');
  const { skippedCount, missedCount, activeRuns, nextRun } = info();
  expect(broken).toEqual([]);
  expect(activeRuns).toBe(0);
  const latest = schedule.latestDue(clock.now());
  expect(nextRun).toEqual(new Date(schedule.dueAt(schedule.next(latest))));
  countUp();
  // Which of the slots around the moment at which it is noticed that the clock was set back, one cannot know.
  expect(Math.abs(ran + skippedCount + missedCount - elapsed)).toBeLessThanOrEqual(2 * comeAgain);
  await workers.close();
}
