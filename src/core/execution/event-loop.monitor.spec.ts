import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type EndedRun, type Run } from '../history/run.js';
import { type RunRecorder } from '../history/run.recorder.js';
import { ManualClock } from '../testing/manual-clock.js';
import { ActiveRun, type ActiveRunParts } from './active-run.js';
import { EventLoopMonitor } from './event-loop.monitor.js';

describe('EventLoopMonitor', () => {
  let clock: ManualClock;
  let monitor: EventLoopMonitor;
  let recorded: Run[];
  let warnings: string[];
  const on = new Map<Run, ActiveRun>();

  beforeEach(() => {
    clock = new ManualClock();
    recorded = [];
    warnings = [];
    const recorder = { record: (run: Run) => void recorded.push(run) };
    monitor = new EventLoopMonitor(clock, recorder as RunRecorder);
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((message: string) => void warnings.push(message));
  });

  function started(worker: string): Run {
    const now = new Date(clock.now());
    const run: Run = {
      id: worker, worker, replica: 'r', trigger: 'schedule', attempt: 1,
      scheduledAt: now, startedAt: now, outcome: 'running',
    }; // prettier-ignore
    const active = new ActiveRun(run, undefined, {} as ActiveRunParts);
    on.set(run, active);
    monitor.started(active);
    return run;
  }

  function ended(run: Run): EndedRun {
    const end = Object.assign(run, { endedAt: new Date(clock.now()) });
    monitor.ended(on.get(run)!);
    return end;
  }

  it('records a run again that ended before it was found to have blocked', async () => {
    const run = started('late');
    clock.block('3s');
    ended(run);
    await clock.advance('1ms');
    expect(run.blockedMs).toBe(2_750);
    expect(recorded).toEqual([run]);
  });

  it('does not suspect runs that took less time than the block', async () => {
    const others = ['a', 'b', 'c'].map(started);
    others.forEach(ended);
    const run = started('late');
    clock.block('3s');
    ended(run);
    ended(started('d'));
    await clock.advance('1ms');
    expect(warnings).toEqual([expect.stringMatching(/^Worker "late" blocked the event loop for 2750 ms/)]);
  });

  it('blames nobody when no run took as long as the block', async () => {
    const run = started('waits');
    ended(run);
    clock.block('3s');
    await clock.advance('1ms');
    expect(warnings).toEqual(['The event loop was blocked for 2750 ms, by no single run of a worker']);
    expect(run.blockedMs).toBeUndefined();
  });

  it('names ten suspects at the most', async () => {
    for (let i = 0; i < 1_000; i++) started(`w${i}`);
    clock.block('3s');
    await clock.advance('1ms');
    expect(warnings).toEqual([
      expect.stringMatching(/by one of the workers "w0", (?:"w\d", ){8}"w9" or 990 others$/),
    ]);
  });
});
