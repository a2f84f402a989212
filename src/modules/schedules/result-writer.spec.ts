import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { InMemoryScheduleStore } from './in-memory-schedule.store.js';
import { ResultWriter } from './result-writer.js';
import { LockedSchedulesError } from './schedule.errors.js';
import { type ScheduleResult } from './schedule.store.js';

const resultOf = (token: number) => ({ claim: { token } }) as ScheduleResult;

describe('results of schedules', () => {
  it('whose rows are locked keep no other waiting, and are waited for until they are stored', async () => {
    const clock = new ManualClock();
    const store = new InMemoryScheduleStore(clock);
    const locked = new Set([2]);
    store.settle = async (results) => {
      const held = new Set(results.map(({ claim }) => claim.token).filter((token) => locked.has(token)));
      if (held.size > 0) throw new LockedSchedulesError(held, new Set());
      return new Set();
    };
    const stored: number[] = [];
    const writer = new ResultWriter(store, clock, (results) =>
      stored.push(...results.map(({ claim }) => claim.token)),
    );
    for (const token of [1, 2, 3]) writer.add(resultOf(token));
    let flushed = false;
    const flushing = writer.flushed().then(() => (flushed = true));
    await clock.advance('1s');
    expect({ stored, flushed }).toEqual({ stored: [1, 3], flushed: false });
    locked.clear();
    await clock.advance('1s');
    await flushing;
    expect(stored).toEqual([1, 3, 2]);
  });
});
