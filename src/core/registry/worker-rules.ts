import { requireKnown } from '../text/option-names.js';
import { property, shown } from '../text/shown.js';
import { type Duration, parseDuration } from '../timing/duration.js';
import { BACKOFF_NAMES, type WorkerOptions } from '../worker/worker-options.js';
import { type Timing } from './timing.js';

// The rules of single options. Each returns the option as the scheduler uses it, or throws an error whose message names
// the value and the fix.

/** Milliseconds. */
export interface BackoffTimes {
  readonly initial: number;
  readonly max: number;
  readonly factor: number;
}

const LONGEST_DEFAULT_BACKOFF = 3_600_000;
const DEFAULT_ATTEMPTS = 3;

/** Milliseconds by which a run may start late; Infinity for no limit. */
export function longestLateness(deadline: Duration | undefined): number {
  return deadline === undefined ? Infinity : parseDuration(deadline);
}

export function runTimeout(timeout: Duration | undefined): number | undefined {
  if (timeout === undefined) return undefined;
  const ms = parseDuration(timeout);
  if (ms === 0) throw new Error('0 leaves a run no time: leave it out for no limit');
  return ms;
}

/** A shorter lease cannot be renewed in time. Milliseconds. */
const SHORTEST_LEASE = 1_000;

export function leaseTime(lease: Duration | undefined): number | undefined {
  if (lease === undefined) return undefined;
  const ms = parseDuration(lease);
  if (ms < SHORTEST_LEASE)
    throw new RangeError(`${ms} ms is too short to be renewed in time: give ${SHORTEST_LEASE} or more`);
  return ms;
}

export function backoffTimes(backoff: WorkerOptions['backoff']): BackoffTimes | undefined {
  if (backoff === undefined) return undefined;
  const given = typeof backoff === 'object' && backoff !== null ? backoff : { initial: backoff };
  requireKnown(given, BACKOFF_NAMES);
  const initial = parseDuration(given.initial);
  const max = given.max === undefined ? Math.max(initial, LONGEST_DEFAULT_BACKOFF) : parseDuration(given.max);
  const { factor = 2 } = given;
  if (initial < 1) throw new Error(`an initial wait of ${initial} ms is none: give 1 ms or more`);
  if (max < initial) throw new Error(`a max of ${max} ms is below initial, ${initial} ms`);
  if (!(factor >= 1 && Number.isFinite(factor)))
    throw new Error(`a factor of ${factor} would shrink the waits: give 1 or more`);
  return { initial, max, factor };
}

export function longestCatchUp(catchUp: WorkerOptions['catchUp']): number | undefined {
  if (typeof catchUp === 'boolean') return catchUp ? Infinity : 0;
  return catchUp === undefined ? undefined : parseDuration(catchUp);
}

/** Milliseconds. From this interval on, slots that were missed during downtime are caught up by default. */
const WORTH_CATCHING_UP = 3_600_000;

/** Highest age of a missed slot that is caught up, milliseconds; 0: never. */
export function oldestCatchUp(
  { interval, cron }: Pick<Timing, 'interval' | 'cron'>,
  catchUp: number | undefined,
): number {
  return catchUp ?? (cron !== undefined || interval >= WORTH_CATCHING_UP ? Infinity : 0);
}

/** A date without a time zone would be another instant on each replica. */
const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T.+(?:Z|[+-]\d\d:?\d\d)$/;

/** Milliseconds since the epoch; Infinity when there is no end. */
export function lastInstant(until: WorkerOptions['until']): number {
  if (until === undefined) return Infinity;
  const at = until instanceof Date || isInstant(shown(until)) ? new Date(until).getTime() : Number.NaN;
  if (Number.isNaN(at))
    throw new Error(
      `${shown(until)} is no instant: give a date, or a text with a time zone such as "2026-12-31T23:59:59Z"`,
    );
  return at;
}

/** `Date` takes the 30th of February for the 2nd of March. */
function isInstant(text: string): boolean {
  const [, year, month, day] = INSTANT.exec(text) ?? [];
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
}

/** Infinity for no limit. */
export function mostRuns(limit: number | undefined): number {
  if (limit === undefined) return Infinity;
  if (!(Number.isSafeInteger(limit) && limit >= 1))
    throw new Error(`${shown(limit)} is no number of runs: give a whole number from 1 on, or leave it out`);
  return limit;
}

/** By the name of a metric, the most that it may be. */
export function budgetOf(budget: WorkerOptions['budget']): Readonly<Record<string, number>> {
  for (const [name, most] of entriesOf(budget, '{ cost: 2 }'))
    if (typeof most !== 'number' || !Number.isFinite(most))
      throw new Error(`${shown(most)} of "${name}" is no finite number: give the most that a run may report`);
  return budget ?? {};
}

/** By the name of a metric, the least that it should be. */
export function expectationsOf(expect: WorkerOptions['expect']): NonNullable<WorkerOptions['expect']> {
  for (const [name, wanted] of entriesOf(expect, '{ rows: { min: 1 } }')) {
    const min = property(wanted, 'min');
    if (typeof min !== 'number' || !Number.isFinite(min))
      throw new Error(`${shown(wanted)} of "${name}" has no finite number as its min: give { min: 1 }`);
  }
  return expect ?? {};
}

function entriesOf(given: unknown, example: string): [string, unknown][] {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new Error(`${shown(given)} names no metrics: give ${example}`);
  return Object.entries(given);
}

export function attempts(maxAttempts: number | undefined): number {
  const most = maxAttempts ?? DEFAULT_ATTEMPTS;
  if (!(Number.isInteger(most) && most >= 1))
    throw new Error(`${most} is no number of attempts: give 1 or more`);
  return most;
}

export function oneOf<T extends string>(values: readonly T[], value: T): T {
  if (!values.includes(value)) throw new Error(`${JSON.stringify(value)} is none of ${values.join(', ')}`);
  return value;
}

/** Types of events. */
export function eventTypes(on: WorkerOptions['on']): readonly string[] {
  if (on === undefined) return [];
  if (!Array.isArray(on) || !on.every((type) => typeof type === 'string' && type !== ''))
    throw new Error(`${JSON.stringify(on)} is no list of types of events: give one such as ['domain.added']`);
  return on as readonly string[];
}

/** A text for people; an empty one counts as none. */
export function shortText(text: string | undefined, longest: number): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (typeof text !== 'string' || text.length > longest)
    throw new Error(`${shown(text)} is no text of at most ${longest} characters`);
  return text;
}
