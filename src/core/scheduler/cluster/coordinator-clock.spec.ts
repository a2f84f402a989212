import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing/manual-clock.js';
import { CoordinatorClock } from './coordinator-clock.js';

const START = Date.UTC(2026, 0, 1);
/** What the coordinator's clock is ahead of the replica's. */
const AHEAD = 600_000;

describe('CoordinatorClock', () => {
  const setup = () => {
    const own = new ManualClock(START);
    const clock = new CoordinatorClock(own);
    /** An answer that was given now and took so long. */
    const hear = (took: number): void => {
      const answer = { time: own.monotonic() + START + AHEAD };
      own.block(took);
      clock.heard(answer);
    };
    const lateBy = () => own.monotonic() + START + AHEAD - clock.now();
    return { own, clock, hear, lateBy };
  };

  it('is the own wall clock before the first answer', () => {
    const { own, clock, hear } = setup();
    expect(clock.known).toBe(false);
    expect(clock.now()).toBe(own.now());
    hear(1);
    expect(clock.known).toBe(true);
  });

  it('is late by as much as the fastest answer took, and never early', () => {
    const { hear, lateBy } = setup();
    hear(50);
    expect(lateBy()).toBeCloseTo(50);
    hear(3);
    expect(lateBy()).toBeCloseTo(3);
    hear(80);
    expect(lateBy()).toBeCloseTo(3);
  });

  it('goes on while nothing is heard, whatever happens to the wall clock of the replica', () => {
    const { own, hear, lateBy } = setup();
    hear(3);
    own.setWall(START - 3_600_000);
    own.block('1h');
    expect(lateBy()).toBeCloseTo(3);
  });

  it('forgets old answers, so that it follows clocks that drift apart', () => {
    const { own, hear, lateBy } = setup();
    hear(3);
    for (let i = 0; i < 3; i++) {
      own.block('31s');
      hear(20);
    }
    expect(lateBy()).toBeCloseTo(20);
  });

  it('begins anew when it is told that the clock was set back', () => {
    const { own, clock, hear } = setup();
    hear(3);
    const time = START;
    clock.restart({ time });
    own.block('5s');
    expect(clock.now()).toBeCloseTo(START + 5_000);
  });
});
