import { type HealthCheck, type HealthStatus, type ProbeOutcome } from './health-check.js';

/** How many results flapping is judged by. */
const WINDOW = 20;
const WINDOW_BITS = 2 ** WINDOW - 1;
/** Share of changes in the window at which flapping begins, and at which it ends. */
const FLAPPING_FROM = 0.5;
const FLAPPING_UNTIL = 0.25;

/** Where a check stands. Plain data, kept as JSON; all instants in milliseconds from the epoch. */
export interface CheckState {
  readonly status: HealthStatus;
  /** Since when it is so. */
  readonly since: number;
  /** In a row, counted up to the threshold: a state that goes on stays the same. */
  readonly failures: number;
  readonly passes: number;
  readonly unknowns: number;
  /** The last result that was no `unknown`. */
  readonly last?: 'success' | 'degraded' | 'failure';
  /** Which of the last 20 results passed where the one before did not, or the other way round: one bit each. */
  readonly changes: number;
  readonly flapping: boolean;
  /** What events have told last. */
  readonly told?: 'healthy' | 'degraded' | 'unhealthy';
  /** From when `initialDelay` and `startupGrace` count. */
  readonly startedAt: number;
  /** Since when the instance runs that it was made of, by its own record. */
  readonly runningSince?: number;
  /** Whether it has passed since then. */
  readonly passed: boolean;
  /** The replica that saw many checks fail at once, unconfirmed by another. */
  readonly suspectedBy?: string;
  /** When the instance was restarted for it, within the last hour. */
  readonly restarts?: readonly number[];
}

/** What became of a check, told once. */
export type Transition = 'failed' | 'degraded' | 'recovered' | 'flapping';

export type CheckRules = Pick<HealthCheck, 'failureThreshold' | 'successThreshold' | 'startupGrace'>;

export function initialState(startedAt: number): CheckState {
  return {
    status: 'starting',
    since: startedAt,
    failures: 0,
    passes: 0,
    unknowns: 0,
    changes: 0,
    flapping: false,
    startedAt,
    passed: false,
  };
}

/** The share of state changes among the last 20 results, 0 to 1. */
export function flapShare({ changes }: Pick<CheckState, 'changes'>): number {
  let bits = changes;
  let count = 0;
  for (; bits !== 0; bits &= bits - 1) count++;
  return count / WINDOW;
}

/**
 * What one more result makes of a state. Where nothing changes it is the same object, which is how the store knows that
 * there is nothing to write.
 *
 *  - `failureThreshold` failures in a row make it unhealthy, `successThreshold` passes in a row healthy or degraded; the
 *    first pass of a check that is starting does at once.
 *  - Until it has passed once, failures within `startupGrace` do not count.
 *  - Results that are `unknown` change no count. As many in a row as failures would make it unhealthy make it unknown.
 *  - It is flapping from when half of the last 20 results differ from the one before until a quarter does. Meanwhile
 *    the status goes on changing, and nobody is told; at the end what it then is is told if it is news.
 */
export function nextState(
  state: CheckState,
  outcome: ProbeOutcome,
  at: number,
  rules: CheckRules,
): { state: CheckState; transition?: Transition } {
  if (outcome === 'unknown') {
    const unknowns = Math.min(state.unknowns + 1, rules.failureThreshold);
    const status =
      unknowns === rules.failureThreshold && state.status !== 'starting' ? 'unknown' : state.status;
    return { state: changed(state, { ...state, unknowns, status }, at) };
  }
  const passes = outcome !== 'failure';
  const inGrace = !state.passed && !passes && at < state.startedAt + rules.startupGrace;
  if (inGrace) return { state: changed(state, { ...state, unknowns: 0 }, at) };

  const { last } = state;
  const flipped = last !== undefined && (last !== 'failure') !== passes;
  const changes = ((state.changes << 1) | Number(flipped)) & WINDOW_BITS;
  const failures = passes ? 0 : Math.min(state.failures + 1, rules.failureThreshold);
  const passesInARow = passes
    ? Math.min((last === outcome ? state.passes : 0) + 1, rules.successThreshold)
    : 0;
  const status = statusAfter(state, outcome, { failures, passes: passesInARow }, rules);
  const share = flapShare({ changes });
  const flapping = state.flapping ? share > FLAPPING_UNTIL : share >= FLAPPING_FROM;
  const news = flapping ? undefined : newsOf(status, state.told);
  const next = changed(
    state,
    {
      status,
      since: state.since,
      failures,
      passes: passesInARow,
      unknowns: 0,
      last: outcome,
      changes,
      flapping,
      told: news === undefined ? state.told : (status as CheckState['told']),
      startedAt: state.startedAt,
      runningSince: state.runningSince,
      passed: state.passed || passes,
      suspectedBy: undefined,
      restarts: state.restarts,
    },
    at,
  );
  if (flapping) return { state: next, transition: state.flapping ? undefined : 'flapping' };
  return { state: next, transition: news === 'silent' ? undefined : news };
}

/** As it is after a failure that only this replica has seen, when most of its targets failed at once. */
export function suspectedState(state: CheckState, replica: string): CheckState {
  return state.suspectedBy === replica ? state : { ...state, suspectedBy: replica };
}

/** As it is once its instance was restarted: what counts from the start counts anew. */
export function restartedState(state: CheckState, at: number): CheckState {
  return {
    ...state,
    failures: 0,
    startedAt: at,
    passed: false,
    restarts: [...(state.restarts ?? []).filter((instant) => instant > at - 3_600_000), at],
  };
}

/**
 * As it is for an instance that runs since then: one that has been started since the last result counts anew, whoever
 * has started it. The same object where that is known.
 */
export function stateSince(state: CheckState, runningSince: number | undefined): CheckState {
  if (runningSince === undefined || runningSince <= (state.runningSince ?? -Infinity)) return state;
  // One that ran before it was checked has its time from the first check on.
  if (state.runningSince === undefined && runningSince <= state.startedAt) return { ...state, runningSince };
  return { ...state, runningSince, startedAt: runningSince, failures: 0, passed: false };
}

function statusAfter(
  state: CheckState,
  outcome: Exclude<ProbeOutcome, 'unknown'>,
  { failures, passes }: Pick<CheckState, 'failures' | 'passes'>,
  { failureThreshold, successThreshold }: CheckRules,
): HealthStatus {
  if (outcome === 'failure') {
    if (failures >= failureThreshold) return 'unhealthy';
    // The prober can tell again; what it told last still holds.
    return state.status === 'unknown' ? (state.told ?? 'starting') : state.status;
  }
  const first = state.status === 'starting';
  if (first || passes >= successThreshold) return outcome === 'degraded' ? 'degraded' : 'healthy';
  return state.status === 'unknown' ? (state.told ?? 'starting') : state.status;
}

/** What there is to tell of a status. That a check is well from the start on is no news, but is remembered. */
function newsOf(
  status: HealthStatus,
  told: CheckState['told'],
): Exclude<Transition, 'flapping'> | 'silent' | undefined {
  if (status === told || status === 'starting' || status === 'unknown') return undefined;
  if (status === 'unhealthy') return 'failed';
  if (status === 'degraded') return 'degraded';
  return told === undefined ? 'silent' : 'recovered';
}

/** Each value is named: compared by their keys, 10,000 states that stay as they are took 100 ms and more, and take 0.4. */
function changed(state: CheckState, next: CheckState, at: number): CheckState {
  const same =
    next.status === state.status &&
    next.failures === state.failures &&
    next.passes === state.passes &&
    next.unknowns === state.unknowns &&
    next.last === state.last &&
    next.changes === state.changes &&
    next.flapping === state.flapping &&
    next.told === state.told &&
    next.passed === state.passed &&
    next.suspectedBy === state.suspectedBy;
  if (same) return state;
  return next.status === state.status ? next : { ...next, since: at };
}

/** From the best to the worst. */
const BY_SEVERITY: readonly HealthStatus[] = ['healthy', 'starting', 'unknown', 'degraded', 'unhealthy'];

/** Of an instance: the worst of its checks; `unknown` when it has none. */
export function worstStatus(statuses: readonly HealthStatus[]): HealthStatus {
  if (statuses.length === 0) return 'unknown';
  return BY_SEVERITY[Math.max(...statuses.map((status) => BY_SEVERITY.indexOf(status)))]!;
}
