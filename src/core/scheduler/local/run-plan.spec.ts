import { describe, expect, it } from '@jest/globals';
import { defineWorker, type WorkerDefinition } from '../../registry/worker-definition.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type Worker } from '../../worker/worker.js';
import { RunPlan } from './run-plan.js';

const MINUTE = 60_000;

function planOf(worker: Partial<Worker> = {}) {
  const clock = new ManualClock();
  const checked = defineWorker({ name: 'w', interval: '1m', run: () => {}, ...worker }, 'a test');
  const { definition } = checked as { definition: WorkerDefinition };
  const passed: [how: string, count: number][] = [];
  const plan = new RunPlan(definition, clock, (how, count) => passed.push([how, count]));
  plan.start();
  const first = plan.nextAt(true)!;
  /** Moves the wall clock and the monotonic one. */
  const until = (instant: number) => clock.advance(instant - clock.now());
  return { plan, clock, passed, first, until };
}

describe('RunPlan', () => {
  it('hands out each slot once, when it is due', async () => {
    const { plan, passed, first, until } = planOf();
    await until(first);
    expect(plan.take(first, true)).toEqual({ trigger: 'schedule', slot: first, scheduledAt: first });
    expect(plan.nextAt(true)).toBe(first + MINUTE);
    expect(passed).toEqual([]);
  });

  it('hands out the latest of several that are due, and tells the others as missed', async () => {
    const { plan, passed, first, until } = planOf();
    await until(first + 5 * MINUTE);
    expect(plan.take(first + 5 * MINUTE, true)).toMatchObject({ slot: first + 5 * MINUTE });
    expect(passed).toEqual([['missed', 5]]);
  });

  it('hands out none that is too late, and tells it as skipped', async () => {
    const { plan, passed, first, until } = planOf({ startDeadline: '1s' });
    await until(first + 2_000);
    expect(plan.take(first + 2_000, true)).toBeUndefined();
    expect(passed).toEqual([['skipped', 1]]);
  });

  it('has a deferred run first; a newer slot takes its place, and what lies between is skipped', async () => {
    const { plan, passed, first, until } = planOf();
    await until(first);
    plan.take(first, true);
    const retry = { trigger: 'retry' as const, slot: first, attempt: 2 };
    plan.defer(first + 10_000, retry);
    expect(plan.nextAt(true)).toBe(first + 10_000);
    await until(first + 10_000);
    expect(plan.take(first + 10_000, true)).toEqual({ ...retry, scheduledAt: first + 10_000 });

    plan.defer(first + 3 * MINUTE, retry);
    await until(first + 3 * MINUTE);
    expect(plan.take(first + 3 * MINUTE, true)).toMatchObject({
      trigger: 'schedule',
      slot: first + 3 * MINUTE,
    });
    expect(passed).toEqual([['skipped', 2]]);
  });

  it('forgets a retry with a success, and the slots that it has kept waiting are skipped; a catch-up it keeps', async () => {
    const { plan, passed, first, until } = planOf();
    plan.defer(first + 10 * MINUTE, { trigger: 'catch_up', slot: first - MINUTE });
    expect(plan.succeeded()).toBe(false);
    expect(plan.defers).toBe(true);
    plan.defer(first + 10 * MINUTE, { trigger: 'retry', slot: first - MINUTE });
    await until(first + 1);
    expect(plan.succeeded()).toBe(true);
    expect([plan.defers, passed]).toEqual([false, [['skipped', 1]]]);
    expect(plan.nextAt(true)).toBe(first + MINUTE);
  });

  it('catches up the latest slot before the start once, where that is worth it, and tells the others as missed', () => {
    const { plan, passed, first } = planOf({ interval: '1d' });
    const DAY = 1_440 * MINUTE;
    expect(plan.catchUp(first - 4 * DAY, true)).toBe(true);
    expect(passed).toEqual([['missed before', 2]]);
    expect(plan.nextAt(true)).toBeLessThan(first);
    expect(plan.catchUp(first - DAY, true)).toBe(false);
  });

  it('has nothing but what is deferred when no slots may run', () => {
    const { plan } = planOf();
    expect(plan.nextAt(false)).toBeUndefined();
    plan.defer(7, { trigger: 'retry' });
    expect(plan.nextAt(false)).toBe(7);
  });

  it('is empty without a schedule, until something is deferred', () => {
    const { plan } = planOf({ interval: 0 });
    expect(plan.isEmpty).toBe(true);
    plan.defer(7, { trigger: 'retry' });
    expect(plan.isEmpty).toBe(false);
  });
});
