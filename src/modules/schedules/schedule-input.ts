import { z } from 'zod';
import { InvalidPayloadError, jsonPayload } from '../../core/worker/payload.js';
import { lastInstant, longestCatchUp } from '../../core/registry/worker-rules.js';
import { messageOf } from '../../core/text/describe-error.js';
import { type Duration } from '../../core/timing/duration.js';
import { count } from '../input/count.js';
import { duration } from '../input/duration.js';
import { InvalidInputError } from '../input/input.errors.js';
import { parseInput, shown } from '../input/input.js';
import { cronSchedule } from './cron-expressions.js';
import { type ScheduleInput, type ScheduleTiming } from './schedule.js';

/** Of intervals: below it a row is rewritten so often that a worker of its own is cheaper. Milliseconds. */
const SHORTEST_INTERVAL = 1_000;
/** Characters of a payload's JSON. What is larger belongs into a table of its own, and its id here. */
const LONGEST_PAYLOAD = 64 * 1_024;
/** Milliseconds. */
const SHORTEST_CATCH_UP = 1_000;
/** How late a slot may be with `catchUp: false`. */
const NO_CATCH_UP = 60_000;

const text = (what: string, most: number) =>
  z
    .string({ error: ({ input }) => `${shown(input)} is no ${what}: give a text` })
    .min(1, { error: `an empty text is no ${what}` })
    .max(most, { error: ({ input }) => `${shown(input)} has more than ${most} characters` });

/** Of handlers: those of workers, whose runs are recorded beside theirs. */
export const handlerName = text('name of a handler', 200);
export const scheduleKey = text('key', 300);

const read = <T>(parse: (value: never) => T) =>
  z.unknown().transform((value, context) => {
    try {
      return parse(value as never);
    } catch (error) {
      context.addIssue(messageOf(error));
      return z.NEVER;
    }
  });

function catchUpOf(value: boolean | Duration): number | undefined {
  if (value === false) return NO_CATCH_UP;
  const longest = longestCatchUp(value)!;
  if (longest < SHORTEST_CATCH_UP)
    throw new Error(
      `${longest} ms is less than ${SHORTEST_CATCH_UP} ms, by which any run may be late: give more, or false for a minute`,
    );
  return longest;
}

/** Not in a range of dates that PostgreSQL and JavaScript share: a typing error, and no schedule. */
const LAST_INSTANT = Date.UTC(9999, 11, 31);

const instant = read((value: Date | string) => {
  const at = lastInstant(value);
  if (!(Math.abs(at) <= LAST_INSTANT)) throw new Error(`${shown(value)} lies beyond the year 9999`);
  return at;
});

/** URLs take these for steps from one path to another, also when they are encoded. */
const inPath = (name: string): boolean => name !== '.' && name !== '..';
const NOT_IN_PATH = {
  error: ({ input }: { input?: unknown }) => `${shown(input)} names no schedule in a path: give another one`,
};

const schema = z.strictObject({
  handler: handlerName.refine(inPath, NOT_IN_PATH),
  key: scheduleKey.refine(inPath, NOT_IN_PATH),
  every: duration({ min: SHORTEST_INTERVAL })
    .transform((ms) => Math.round(ms))
    .optional(),
  cron: z.string({ error: ({ input }) => `${shown(input)} is no cron expression: give a text` }).optional(),
  at: instant.optional(),
  timeZone: z.string({ error: ({ input }) => `${shown(input)} is no time zone: give a text` }).optional(),
  jitter: duration().optional(),
  startsAt: instant.optional(),
  until: instant.optional(),
  limit: count(1).optional(),
  catchUp: read(catchUpOf).optional(),
  group: text('group', 200).optional(),
});

const nameSchema = z.strictObject({ handler: handlerName, key: scheduleKey });

/** Which schedule is meant. @throws InvalidInputError where no schedule can be called so */
export function parseName(handler: string, key: string): { handler: string; key: string } {
  return parseInput('name of a schedule', nameSchema, { handler, key });
}

/** A schedule as it was given, checked. */
export interface ParsedSchedule {
  readonly handler: string;
  readonly key: string;
  readonly group: string | null;
  readonly timing: ScheduleTiming;
  /** Its JSON; null for none. */
  readonly payload: string | null;
}

/** @throws InvalidInputError naming every fault and where it is */
export function parseSchedule(input: ScheduleInput): ParsedSchedule {
  if (typeof input !== 'object' || input === null)
    throw new InvalidInputError('schedule', [`${shown(input)} is none: give an object with handler and key`]);
  const { payload, ...rest } = input;
  const { handler, key, group = null, ...timing } = parseInput('schedule', schema, withoutUndefined(rest));
  const faults = timingFaults(timing);
  const json = payloadJson(handler, payload, faults);
  if (faults.length > 0) throw new InvalidInputError(`schedule "${key}" of "${handler}"`, faults);
  return { handler, key, group, timing: inOrder(timing), payload: json };
}

type ReadTiming = z.output<typeof schema> extends infer T ? Omit<T, 'handler' | 'key' | 'group'> : never;

function timingFaults({ every, cron, at, timeZone, startsAt, until, limit }: ReadTiming): string[] {
  const faults: string[] = [];
  const given = Object.entries({ every, cron, at }).filter(([, value]) => value !== undefined);
  if (given.length !== 1)
    return [
      given.length === 0
        ? 'it does not say when: give one of every, cron and at'
        : `it has ${given.map(([name]) => name).join(' and ')}: give one of them`,
    ];
  if (timeZone !== undefined && cron === undefined)
    faults.push('timeZone: it belongs to cron: leave it out, as an interval and an instant have none');
  if (cron !== undefined)
    try {
      cronSchedule(cron, timeZone ?? 'UTC');
    } catch (error) {
      faults.push(`cron: ${messageOf(error)}`);
    }
  if (at !== undefined)
    for (const [name, value] of Object.entries({ startsAt, until, limit }))
      if (value !== undefined)
        faults.push(`${name}: it bounds a row of slots, and \`at\` is one: leave it out`);
  if (startsAt !== undefined && until !== undefined && until < startsAt)
    faults.push(
      `until: ${new Date(until).toISOString()} is before startsAt, ${new Date(startsAt).toISOString()}`,
    );
  return faults;
}

function payloadJson(handler: string, payload: unknown, faults: string[]): string | null {
  if (payload === undefined) return null;
  try {
    const json = JSON.stringify(jsonPayload(handler, payload));
    if (json.length > LONGEST_PAYLOAD)
      faults.push(
        `payload: its JSON has ${json.length} characters, and ${LONGEST_PAYLOAD} are the most: store it elsewhere, and give its id`,
      );
    return json;
  } catch (error) {
    faults.push(`payload: ${error instanceof InvalidPayloadError ? error.reason : messageOf(error)}`);
    return null;
  }
}

const ORDER = ['every', 'cron', 'timeZone', 'at', 'jitter', 'startsAt', 'until', 'limit', 'catchUp'] as const;

/** In one order, and without what says nothing: the same timing is the same JSON. */
function inOrder(timing: ReadTiming): ScheduleTiming {
  return Object.fromEntries(
    ORDER.flatMap((name) => {
      const value = timing[name];
      return value === undefined || value === Infinity || (name === 'jitter' && value === 0)
        ? []
        : [[name, value]];
    }),
  );
}

function withoutUndefined(input: object): object {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
