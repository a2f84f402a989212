import { beforeEach, describe, expect, it } from '@jest/globals';
import { defineWorker, type WorkerDefinition } from '../../registry/worker-definition.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type Worker } from '../../worker/worker.js';
import { SlotCursor } from './slot-cursor.js';

const SECOND = 1_000;
const HOUR = 3_600_000;

describe('SlotCursor', () => {
  let clock: ManualClock;
  beforeEach(() => {
    clock = new ManualClock(new Date('2026-03-01T10:00Z'));
  });

  const cursorOf = (options: Partial<Worker>): SlotCursor => {
    const checked = defineWorker({ name: 'w', interval: '10s', run: () => {}, ...options }, 'a test');
    const { definition } = checked as { definition: WorkerDefinition };
    const cursor = new SlotCursor(definition, clock);
    cursor.startWith(definition);
    return cursor;
  };
  const setBack = (cursor: SlotCursor, milliseconds: number): number => {
    clock.setWall(clock.now() - milliseconds);
    return cursor.follow(clock.now(), cursor.setBack());
  };

  it('deals with every slot once, in order', async () => {
    const cursor = cursorOf({});
    const first = cursor.next;
    expect(cursor.pass(first - 1)).toBe(0);
    expect(cursor.pass(first)).toBe(1);
    expect([cursor.slot, cursor.next]).toEqual([first, first + 10 * SECOND]);
    expect(cursor.pass(first + 35 * SECOND)).toBe(3);
    expect(cursor.slot).toBe(first + 30 * SECOND);
    expect(cursor.pass(first + 35 * SECOND)).toBe(0);
  });

  it('counts nothing that was before, once it counts from now', async () => {
    const cursor = cursorOf({});
    await clock.advance('1m');
    expect(cursor.countFromNow()).toBe(clock.now());
    expect(cursor.pass(clock.now())).toBe(0);
    expect(cursor.next).toBeGreaterThan(clock.now());
  });

  it('is due by the jitter of its schedule after the slot', () => {
    const cursor = cursorOf({ jitter: '5s' });
    expect(cursor.dueAt).toBeGreaterThan(cursor.next);
    expect(cursor.dueAt).toBeLessThanOrEqual(cursor.next + 5 * SECOND);
  });

  it('is never due without a schedule', () => {
    const cursor = cursorOf({ interval: 0 });
    expect([cursor.next, cursor.dueAt, cursor.pass(Infinity)]).toEqual([Infinity, Infinity, 0]);
  });

  it('counts with spacing `delay` from where it was told to, and has no slots to pass', async () => {
    const cursor = cursorOf({ spacing: 'delay' });
    await clock.advance('25s');
    expect(cursor.pass(clock.now())).toBe(0);
    const from = cursor.countFromNow();
    expect(cursor.next).toBe(from + 10 * SECOND);
  });

  describe('when the wall clock is set back', () => {
    it('by more than an interval, tells what had passed, and stands where the clock does', async () => {
      const cursor = cursorOf({});
      const first = cursor.next;
      await clock.advance('30s');
      expect(setBack(cursor, HOUR)).toBe(3);
      expect(cursor.next).toBe(first - HOUR + 30 * SECOND);
    });

    it('by less than an interval, stays', async () => {
      const cursor = cursorOf({ interval: '2h' });
      const { next } = cursor;
      expect(setBack(cursor, HOUR)).toBe(0);
      expect(cursor.next).toBe(next);
    });

    it('by up to three hours, does not go through the slots of a cron expression again', () => {
      const cursor = cursorOf({ interval: { cron: '0 * * * *' } });
      const { next } = cursor;
      setBack(cursor, 3 * HOUR);
      expect(cursor.next).toBe(next);
      setBack(cursor, 4 * HOUR);
      expect(cursor.next).toBe(clock.now() + HOUR);
    });

    it('with spacing `delay`, the interval has begun as much earlier', async () => {
      const cursor = cursorOf({ spacing: 'delay' });
      await clock.advance('4s');
      setBack(cursor, HOUR);
      expect(cursor.next).toBe(clock.now() + 6 * SECOND);
    });
  });
});
