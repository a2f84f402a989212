import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { ClaimedTurn } from './next-turn.js';
import {
  at,
  get,
  HANDLER,
  justPast,
  LEASE,
  ran,
  scheduled,
  type SetupScheduleStore,
} from './schedule-store-cases.js';
import { type ScheduleClaim, type ScheduleStore } from './schedule.store.js';

const RULES = {
  overlap: 'skip',
  backoff: { initial: 30_000, max: 60_000, factor: 2 },
  maxAttempts: 5,
} as const;

/** What is done to the schedule while a replica has claimed it. The new timing's first slot is 90 s after the one that is claimed. */
const CHANGES: Record<string, (store: ScheduleStore, slot: number) => Promise<unknown>> = {
  'nothing is done': async () => {},
  'it is removed': (store) => store.remove(HANDLER, 'a'),
  'it is removed and made anew': async (store, slot) => {
    await store.remove(HANDLER, 'a');
    await store.upsert([withTiming(slot, 90)]);
  },
  'the same is written': (store, slot) => store.upsert([withTiming(slot, 0)]),
  'another payload is written': (store, slot) => store.upsert([{ ...withTiming(slot, 0), payload: '"new"' }]),
  'another timing is written': (store, slot) => store.upsert([withTiming(slot, 90)]),
  'it is paused': (store) => store.pause(HANDLER, 'a'),
  'it is paused and resumed': async (store, slot) => {
    await store.pause(HANDLER, 'a');
    await store.resume(HANDLER, 'a', at(slot + 60_000));
  },
  'it is triggered': (store) => store.trigger(HANDLER, 'a', undefined),
  'it is cancelled': (store) => store.cancel(HANDLER, 'a', { reason: 'enough' }, undefined),
  'it is cancelled and another timing is written': async (store, slot) => {
    await store.cancel(HANDLER, 'a', {}, undefined);
    await store.upsert([withTiming(slot, -20)]);
  },
  'another timing is written and it is cancelled': async (store, slot) => {
    await store.upsert([withTiming(slot, -20)]);
    await store.cancel(HANDLER, 'a', {}, undefined);
  },
  'it is cancelled, paused and resumed': async (store, slot) => {
    await store.cancel(HANDLER, 'a', {}, undefined);
    await store.pause(HANDLER, 'a');
    await store.resume(HANDLER, 'a', at(slot));
  },
  'it is cancelled and triggered': async (store) => {
    await store.cancel(HANDLER, 'a', {}, undefined);
    await store.trigger(HANDLER, 'a', undefined);
  },
};

const ENDS = ['completes', 'fails', 'is lost'] as const;

/**
 * What another replica runs at once then, and what the schedule is in the end: its state, the seconds from the claimed slot to its slot,
 * attempt, turns, runs, failures, failures in a row.
 */
type Outcome = readonly [runs: readonly string[], state: string, ...figures: number[]];

const GONE: Outcome = [[], 'gone'];
const ANEW: Outcome = [[], 'active', 90, 1, 0, 0, 0, 0];
const DONE: Outcome = [[], 'active', 60, 1, 1, 1, 0, 0];
const FAILED: Outcome = [[], 'active', 0, 2, 0, 1, 1, 1];

/** The new definition has a slot that is due already: it is run. */
const ANOTHER_SLOT: Record<(typeof ENDS)[number], Outcome> = {
  completes: [['slot, attempt 1, "old"'], 'active', 40, 1, 1, 2, 0, 0],
  fails: [['slot, attempt 1, "old"'], 'active', 40, 1, 1, 2, 1, 0],
  'is lost': [['slot, attempt 1, "old"'], 'active', 40, 1, 1, 1, 0, 0],
};

const TABLE: Record<string, Record<(typeof ENDS)[number], Outcome>> = {
  'nothing is done': {
    completes: DONE,
    fails: FAILED,
    'is lost': [['slot, attempt 2, "old"'], 'active', 60, 1, 1, 1, 0, 0],
  },
  'it is removed': { completes: GONE, fails: GONE, 'is lost': GONE },
  'it is removed and made anew': { completes: ANEW, fails: ANEW, 'is lost': ANEW },
  'the same is written': {
    completes: DONE,
    fails: FAILED,
    'is lost': [['slot, attempt 2, "old"'], 'active', 60, 1, 1, 1, 0, 0],
  },
  'another payload is written': {
    completes: DONE,
    fails: FAILED,
    'is lost': [['slot, attempt 2, "new"'], 'active', 60, 1, 1, 1, 0, 0],
  },
  'another timing is written': {
    completes: [[], 'active', 90, 1, 0, 1, 0, 0],
    fails: [[], 'active', 90, 1, 0, 1, 1, 0],
    'is lost': [[], 'active', 90, 1, 0, 0, 0, 0],
  },
  'it is paused': {
    completes: [[], 'paused', 60, 1, 1, 1, 0, 0],
    fails: [[], 'paused', 0, 2, 0, 1, 1, 1],
    'is lost': [[], 'paused', 0, 1, 0, 0, 0, 0],
  },
  'it is paused and resumed': {
    completes: [[], 'active', 60, 1, 0, 1, 0, 0],
    fails: [[], 'active', 60, 1, 0, 1, 1, 0],
    'is lost': [[], 'active', 60, 1, 0, 0, 0, 0],
  },
  'it is triggered': {
    completes: [['by hand, attempt 1, "old"'], 'active', 60, 1, 1, 2, 0, 0],
    fails: [['by hand, attempt 1, "old"'], 'active', 0, 2, 0, 2, 1, 0],
    'is lost': [['by hand, attempt 2, "old"', 'slot, attempt 1, "old"'], 'active', ...[60, 1, 1, 2, 0, 0]],
  },
  'it is cancelled': {
    completes: DONE,
    fails: [['cancelled: enough'], 'active', 60, 1, 1, 2, 1, 1],
    'is lost': [['cancelled: enough'], 'active', 60, 1, 1, 1, 0, 0],
  },
  'it is cancelled and another timing is written': ANOTHER_SLOT,
  'another timing is written and it is cancelled': ANOTHER_SLOT,
  'it is cancelled, paused and resumed': {
    completes: [['slot, attempt 1, "old"'], 'active', 60, 1, 1, 2, 0, 0],
    fails: [['slot, attempt 1, "old"'], 'active', 60, 1, 1, 2, 1, 0],
    // The claim of before the pause counts as one that ended without a word.
    'is lost': [['slot, attempt 2, "old"'], 'active', 60, 1, 1, 1, 0, 0],
  },
  'it is cancelled and triggered': {
    completes: [['by hand, attempt 1, "old"'], 'active', 60, 1, 1, 2, 0, 0],
    fails: [['by hand, attempt 1, "old"'], 'active', 0, 2, 0, 2, 1, 0],
    'is lost': [['by hand, attempt 2, "old"', 'slot, attempt 1, "old"'], 'active', ...[60, 1, 1, 2, 0, 0]],
  },
};

/** Of `scheduleStoreContract`: whatever is done to a schedule while a replica has claimed it, however the run of that one ends. */
export function changedSchedules(setup: SetupScheduleStore): ContractCase[] {
  const cases = Object.entries(CHANGES).flatMap(([what, change]) =>
    ENDS.map((end) => {
      const name = `defines what becomes of a schedule when a run of it ${end} and meanwhile ${what}`;
      return [
        name,
        ({ store, pass }: Awaited<ReturnType<SetupScheduleStore>>) => check(what, change, end, store, pass),
      ] as const;
    }),
  );
  return contract(setup, Object.fromEntries(cases));
}

async function check(
  what: string,
  change: (typeof CHANGES)[string],
  end: (typeof ENDS)[number],
  store: ScheduleStore,
  pass: (ms: number) => Promise<void>,
): Promise<void> {
  const slot = await justPast(store);
  await store.upsert([withTiming(slot, 0)]);
  const [claim] = await claimsOf(store, 'first');
  await change(store, slot);
  assert.deepEqual(await claimsOf(store, 'second'), [], 'nobody else runs it while the lease stands');
  if (end === 'is lost') await pass(LEASE + 1);
  else await run(store, claim!, end === 'completes' ? 'succeeded' : 'failed');
  const runs: string[] = [];
  for (
    let claims = await claimsOf(store, 'second');
    claims.length > 0;
    claims = await claimsOf(store, 'second')
  )
    for (const other of claims) runs.push(...(await run(store, other, 'succeeded')));
  const [expectedRuns, ...expected] = TABLE[what]![end];
  assert.deepEqual(runs, expectedRuns);
  assert.deepEqual(await summary(store, slot), expected);
  // A word of the first one that comes late.
  await run(store, claim!, 'failed');
  assert.deepEqual(await summary(store, slot), expected);
}

/** As a replica does. @returns what it ran */
async function run(
  store: ScheduleStore,
  claim: ScheduleClaim,
  outcome: 'succeeded' | 'failed',
): Promise<string[]> {
  const turn = new ClaimedTurn(claim, RULES);
  const now = (await store.now()).getTime();
  if (claim.cancelledBy) {
    await store.settle([turn.cancelled(ran('cancelled'), now)]);
    return [`cancelled: ${claim.cancelledBy.reason ?? ''}`];
  }
  const start = turn.start(now);
  if (!('slot' in start)) {
    await store.settle([start]);
    return [];
  }
  const attempt = claim.claims > 1 ? ((await store.begin(claim)) ?? 0) : start.attempt;
  await store.settle([turn.ended({ ...start, attempt }, ran(outcome), now)]);
  return [`${start.slot === null ? 'by hand' : 'slot'}, attempt ${attempt}, ${claim.payload}`];
}

async function summary(store: ScheduleStore, slot: number): Promise<(string | number)[]> {
  if (!(await store.find(HANDLER, 'a'))) return ['gone'];
  const { state, attempt, turns, runs, failures, consecutiveFailures, ...found } = await get(store, 'a');
  const seconds = Math.round((found.slot!.getTime() - slot) / 1_000);
  return [state, seconds, attempt, turns, runs, failures, consecutiveFailures];
}

async function claimsOf(store: ScheduleStore, replica: string): Promise<readonly ScheduleClaim[]> {
  const limits = new Map([[HANDLER, 10]]);
  // Stored instants are rounded: a trigger by hand may lie in the future for half a millisecond.
  return (await store.claim({ limits, horizon: 10, lease: LEASE, replica })).claims;
}

/** Its first slot is so many seconds after the given one. */
function withTiming(slot: number, seconds: number) {
  const startsAt = slot + seconds * 1_000;
  return scheduled('a', { timing: { every: 60_000, startsAt }, turn: at(startsAt), payload: '"old"' });
}
