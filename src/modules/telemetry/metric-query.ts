import { parseDuration } from '../../core/timing/duration.js';
import { shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type Duration } from '../../core/timing/duration.js';
import { type TimeRange } from './telemetry.store.js';

/** What time is asked for. */
export interface RangeQuery {
  /** Extended to whole steps. Default an hour before `until`. */
  since?: Date | undefined;
  /** Default now. */
  until?: Date | undefined;
  /**
   * Length of a window: any below a minute for as long as points are kept, else whole minutes. Default what makes about 300.
   */
  step?: Duration | undefined;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** As many as Prometheus gives. */
const MOST_WINDOWS = 11_000;
const USUAL_WINDOWS = 300;
const SHORTEST_STEP = 1_000;

const STEPS = [
  ...[1, 2, 5, 10, 30].map((n) => n * 1_000),
  ...[1, 2, 5, 10, 30].map((n) => n * MINUTE),
  ...[1, 2, 6, 12].map((n) => n * HOUR),
  ...[1, 7, 30].map((n) => n * DAY),
];

/**
 * The range, with defaults. A step below a minute becomes a minute where the points are not kept any more.
 * @throws InvalidInputError
 */
export function parseRange(
  { since, until = new Date(), step }: RangeQuery,
  { now, keptFor }: { now: number; keptFor: number },
): TimeRange {
  const from = since ?? new Date(+until - HOUR);
  const faults: string[] = [];
  for (const [name, instant] of Object.entries({ since: from, until }))
    if (Number.isNaN(+instant)) faults.push(`${name}: not an instant`);
  if (+from >= +until) faults.push(`since: ${show(from)} is not before until, ${show(until)}`);
  if (faults.length > 0) throw new InvalidInputError('metric query', faults);
  const span = +until - +from;
  const hasPoints = +from >= now - keptFor;
  const shortest = hasPoints ? SHORTEST_STEP : MINUTE;
  if (step === undefined) {
    const usual = STEPS.find((one) => one >= shortest && span / one <= USUAL_WINDOWS) ?? STEPS.at(-1)!;
    return { since: from, until, step: usual };
  }
  let length: number;
  try {
    length = parseDuration(step);
  } catch (error) {
    throw new InvalidInputError('metric query', [`step: ${(error as Error).message}`]);
  }
  if (length < SHORTEST_STEP || length % 1 !== 0)
    faults.push(`step: ${shown(step)} is not at least a second`);
  if (length > MINUTE && length % MINUTE !== 0)
    faults.push(`step: ${shown(step)} is more than a minute and not a whole number of minutes`);
  if (span / Math.max(length, shortest) > MOST_WINDOWS)
    faults.push(`step: ${shown(step)} makes more than ${MOST_WINDOWS} windows: ask for longer ones`);
  if (faults.length > 0) throw new InvalidInputError('metric query', faults);
  return { since: from, until, step: Math.max(length, shortest) };
}

function show(instant: Date): string {
  return Number.isNaN(+instant) ? 'no date' : instant.toISOString();
}
