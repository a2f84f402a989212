import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { CoordinatorClock } from './coordinator-clock.js';
import { type Heartbeat, type HeartbeatAnswer } from './coordinator.js';
import { Lease } from './lease.js';

const LENGTH = 5_000;
const HELD = { worker: 'w', runId: 'run', fencing: 1 };

describe('a lease', () => {
  const kept = (
    left: number,
    heartbeat: (beat: Heartbeat) => Promise<HeartbeatAnswer>,
    clock: ManualClock,
  ) => {
    const lost: string[] = [];
    const lease = new Lease(
      HELD,
      LENGTH,
      { heartbeat },
      new CoordinatorClock(clock),
      { lost: ({ message }) => lost.push(message), cancelled: () => {}, progress: () => undefined },
      clock.monotonic(),
      left,
    );
    lease.keep();
    return { lease, lost };
  };
  const unheard = () => Promise.reject(new Error('no answer'));

  it('is trusted for what is left of it, less a margin, and given up when no renewal was heard by then', async () => {
    const clock = new ManualClock();
    const { lease, lost } = kept(4_000, unheard, clock);
    await clock.advance(3_499);
    expect(lease.trusted).toBe(true);
    await clock.advance(1);
    expect(lease.trusted).toBe(false);
    expect(lost).toEqual([expect.stringContaining('could not be renewed in time')]);
  });

  it('is never trusted for longer than a renewal makes it, though a clock that was set back says more is left', async () => {
    const clock = new ManualClock();
    const { lease } = kept(60_000, unheard, clock);
    await clock.advance(0.9 * LENGTH);
    expect(lease.trusted).toBe(false);
  });

  it('is given up at once when a process that was stopped finds an answer whose time is up', async () => {
    const clock = new ManualClock();
    let answer = (_: HeartbeatAnswer): void => {};
    const { lost } = kept(LENGTH, () => new Promise<HeartbeatAnswer>((resolve) => (answer = resolve)), clock);
    await clock.advance(LENGTH / 3 + 1);
    clock.block('1m');
    answer({ time: 0, leaseUntil: LENGTH, cancelRequested: false });
    await new Promise((resolve) => setImmediate(resolve));
    expect(lost).toEqual([expect.stringContaining('could not be renewed in time')]);
  });
});
