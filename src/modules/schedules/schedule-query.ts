import { z } from 'zod';
import { type PageQuery } from '../database/page.js';
import { count } from '../input/count.js';
import { InvalidInputError } from '../input/input.errors.js';
import { parseInput, shown } from '../input/input.js';
import { type Schedule, SCHEDULE_STATES, type ScheduleState } from './schedule.js';
import { handlerName, parseName, scheduleKey } from './schedule-input.js';
import { type ScheduleFilter } from './schedule.store.js';

export interface ScheduleQuery extends PageQuery {
  handler?: string | undefined;
  /** What the keys begin with. Needs a handler. */
  keyPrefix?: string | undefined;
  state?: ScheduleState | undefined;
}

const schema = z.strictObject({
  handler: handlerName.optional(),
  keyPrefix: scheduleKey.optional(),
  state: z
    .enum(SCHEDULE_STATES, {
      error: ({ input }) => `${shown(input)} is no state: give one of ${SCHEDULE_STATES.join(', ')}`,
    })
    .optional(),
  limit: count(1, 1_000).default(100),
  after: z.string().optional(),
});

/** @throws InvalidInputError naming every fault */
export function parseScheduleQuery(query: ScheduleQuery): ScheduleFilter {
  const { after, ...filter } = parseInput('list of schedules', schema, query);
  if (filter.keyPrefix !== undefined && filter.handler === undefined)
    throw new InvalidInputError('list of schedules', ['keyPrefix: keys belong to a handler: give it too']);
  return { ...filter, after: after === undefined ? undefined : positionOf(after) };
}

/** What `after` takes to go on behind that one. */
export function scheduleCursor({ handler, key }: Pick<Schedule, 'handler' | 'key'>): string {
  return Buffer.from(JSON.stringify([handler, key])).toString('base64url');
}

function positionOf(cursor: string): { handler: string; key: string } {
  try {
    const [handler, key] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [string, string];
    const position = parseName(handler, key);
    if (scheduleCursor(position) === cursor) return position;
  } catch {
    // What is none is told below.
  }
  throw new InvalidInputError('list of schedules', [`after: ${shown(cursor)} is not the \`next\` of a page`]);
}
