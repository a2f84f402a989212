/** What the cases of `scheduleStoreContract` share: schedules, claims and results as short as a case needs them. */
import assert from 'node:assert/strict';
import { type Schedule, type ScheduleTiming } from './schedule.js';
import {
  type NewSchedule,
  type ScheduleClaim,
  type ScheduleResult,
  type ScheduleRun,
  type ScheduleStore,
  type Turn,
} from './schedule.store.js';

export interface ScheduleStoreSetup {
  /** Without any schedule. */
  store: ScheduleStore;
  /** Lets so much time pass by the clock of the store, in milliseconds. */
  pass(ms: number): Promise<void>;
}

export type SetupScheduleStore = () => ScheduleStoreSetup | Promise<ScheduleStoreSetup>;

export const HANDLER = 'reminder';
export const EVERY: ScheduleTiming = { every: 60_000 };
/** Longer than a busy machine stands still: nothing waits for its end, `pass` moves what is stored. */
export const LEASE = 30_000;

export function scheduled(
  key: string,
  more: Partial<Omit<NewSchedule, 'timing'>> & { timing?: ScheduleTiming },
): NewSchedule {
  const { timing = EVERY, ...rest } = more;
  return {
    handler: HANDLER,
    key,
    payload: null,
    group: null,
    turn: null,
    timing: JSON.stringify(timing),
    ...rest,
  };
}

export async function claims(
  store: ScheduleStore,
  {
    limits = new Map([[HANDLER, 100]]),
    horizon = 0,
  }: { limits?: Map<string, number>; horizon?: number } = {},
): Promise<readonly ScheduleClaim[]> {
  return (await store.claim({ limits, horizon, lease: LEASE, replica: 'r1' })).claims;
}

export async function get(store: ScheduleStore, key: string): Promise<Schedule> {
  const found = await store.find(HANDLER, key);
  assert.ok(found);
  return found;
}

/** Stored instants are rounded: one that is now could lie in the future for half a millisecond. */
export async function justPast(store: ScheduleStore): Promise<number> {
  return (await store.now()).getTime() - 10;
}

export function at(slot: number): Turn {
  return { slot, plannedAt: slot };
}

export function ran(outcome: ScheduleRun['outcome'], error?: string): ScheduleRun {
  return { outcome, id: 'run', startedAt: 1_000, endedAt: 2_000, error };
}

export function resultOf(
  claim: ScheduleClaim,
  { turn, attempt = 1, missed = 0, turns = 0, run }: Partial<ScheduleResult> & Pick<ScheduleResult, 'turn'>,
): ScheduleResult {
  return { claim, turn, attempt, claims: 0, missed, turns, run };
}
