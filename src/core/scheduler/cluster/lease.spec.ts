import { beforeEach, describe, expect, it } from '@jest/globals';
import { type RunProgress } from '../../worker/run-context.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { LeaseLostError } from '../../coordination/coordination.errors.js';
import { CoordinatorClock } from './coordinator-clock.js';
import { type Heartbeat, type HeartbeatAnswer } from '../../coordination/coordinator.js';
import { Lease } from './lease.js';

const LENGTH = 6_000;
const HELD = { worker: 'w', runId: '9b2d1c1e-0000-4000-8000-000000000001', fencing: 3 };

describe('Lease', () => {
  let clock: ManualClock;
  let beats: { at: number; progress: RunProgress | undefined }[];
  let answer: (beat: Heartbeat) => Promise<HeartbeatAnswer>;
  let lost: { at: number; reason: LeaseLostError }[];
  let cancelled: number;
  let progress: RunProgress | undefined;

  beforeEach(() => {
    clock = new ManualClock();
    beats = [];
    lost = [];
    cancelled = 0;
    progress = undefined;
    answer = async ({ lease }) => ({
      time: clock.now(),
      leaseUntil: clock.now() + lease,
      cancelRequested: false,
    });
  });

  const granted = (left = LENGTH): Lease => {
    const coordinator = {
      heartbeat: (beat: Heartbeat) => {
        beats.push({ at: clock.monotonic(), progress: beat.progress });
        return answer(beat);
      },
    };
    const lease = new Lease(
      HELD,
      LENGTH,
      coordinator,
      new CoordinatorClock(clock),
      {
        lost: (reason) => lost.push({ at: clock.monotonic(), reason }),
        cancelled: () => cancelled++,
        progress: () => progress,
      },
      clock.monotonic(),
      left,
    );
    lease.keep();
    return lease;
  };

  it('is renewed every third of it, for as long as the run is active', async () => {
    const lease = granted();
    progress = { done: 1 };
    await clock.advance('10s');
    expect(beats.map(({ at }) => at)).toEqual([2_000, 4_000, 6_000, 8_000, 10_000]);
    expect(beats[0]!.progress).toEqual({ done: 1 });
    expect(lease.trusted).toBe(true);
    lease.stop();
    await clock.advance('1h');
    expect(beats).toHaveLength(5);
    expect(lost).toEqual([]);
  });

  it('is lost a tenth before its end when no renewal is answered, counted from when the last one was sent', async () => {
    granted();
    await clock.advance('2s');
    answer = () => new Promise(() => {});
    await clock.advance('1m');
    expect(lost).toMatchObject([{ at: 2_000 + LENGTH * 0.9, reason: expect.any(LeaseLostError) }]);
  });

  it('is tried again soon when the coordinator is away, and kept if that is not for long', async () => {
    granted();
    const up = answer;
    answer = async () => Promise.reject(new Error('away'));
    await clock.advance('5s');
    expect(beats.length).toBeGreaterThan(5);
    answer = up;
    await clock.advance('1m');
    expect(lost).toEqual([]);
  });

  it('is lost at once when another one has the token', async () => {
    granted();
    answer = async () => ({ time: clock.now(), leaseUntil: undefined, cancelRequested: false });
    await clock.advance('2s');
    expect(lost).toHaveLength(1);
    await clock.advance('1m');
    expect(lost).toHaveLength(1);
    expect(beats).toHaveLength(1);
  });

  it('hands on that the run is to end', async () => {
    granted();
    answer = async ({ lease }) => ({
      time: clock.now(),
      leaseUntil: clock.now() + lease,
      cancelRequested: true,
    });
    await clock.advance('2s');
    expect(cancelled).toBe(1);
    expect(lost).toEqual([]);
  });

  it('is not trusted from the start when its answer took too long', () => {
    expect(granted(LENGTH * 0.1).trusted).toBe(false);
  });

  it('is never trusted for longer than a renewal makes it, though a clock that was set back says more is left', async () => {
    const lease = granted(10 * LENGTH);
    answer = async () => Promise.reject(new Error('away'));
    await clock.advance(LENGTH * 0.9);
    expect(lease.trusted).toBe(false);
  });

  it('is lost when the process wakes after it has run out, before anything else', async () => {
    granted();
    clock.block('1m');
    await clock.advance(0);
    expect(lost).toHaveLength(1);
  });

  it('is lost at once when a process that was stopped finds an answer whose time is up', async () => {
    granted();
    let arrive = (_: HeartbeatAnswer): void => {};
    answer = () => new Promise((resolve) => (arrive = resolve));
    await clock.advance('2s');
    clock.block('1m');
    arrive({ time: 0, leaseUntil: LENGTH, cancelRequested: false });
    await new Promise((resolve) => setImmediate(resolve));
    expect(lost).toHaveLength(1);
  });
});
