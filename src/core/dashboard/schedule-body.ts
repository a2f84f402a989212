import { BadRequestException } from '@nestjs/common';
import { type OpenApiSchema } from '../http/openapi.js';
import { instant } from '../http/query.pipe.js';
import { type Worker } from '../worker/worker.js';

const FIELDS: Record<string, readonly string[]> = {
  interval: [],
  cron: ['time_zone', 'utc_offset'],
  at: [],
};

const USAGE =
  'give { "interval": "30s" }, { "cron": "0 3 * * *", "time_zone": "Europe/Berlin" } or { "at": "2030-01-31T12:00:00Z" }';

export const scheduleSchema: OpenApiSchema = {
  type: 'object',
  properties: {
    interval: {
      oneOf: [{ type: 'string' }, { type: 'number' }],
      description: 'Such as 30s, or milliseconds',
    },
    cron: { type: 'string' },
    time_zone: { type: 'string', description: 'With `cron`: an IANA name' },
    utc_offset: { type: 'integer', description: 'With `cron`, in place of a time zone: minutes' },
    at: { type: 'string', format: 'date-time' },
  },
};

/**
 * Reads the schedule of a body. The scheduler checks its values.
 * @throws BadRequestException
 */
export function scheduleOf(body: unknown): Worker['interval'] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadRequestException(`There is no schedule: ${USAGE}`);
  const given = body as Record<string, unknown>;
  const kinds = Object.keys(FIELDS).filter((kind) => kind in given);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    throw new BadRequestException(
      `${kind === undefined ? 'There is no schedule' : `There are several: ${kinds.join(', ')}`}: ${USAGE}`,
    );
  const unknown = Object.keys(given).find((name) => name !== kind && !FIELDS[kind]!.includes(name));
  if (unknown !== undefined)
    throw new BadRequestException(
      `There is no field ${JSON.stringify(unknown.slice(0, 40))} with ${kind}: ${USAGE}`,
    );
  if (kind === 'at') return { at: dateOf(given['at']) };
  if (kind === 'interval') return intervalOf(given['interval']);
  const { cron, time_zone: timeZone, utc_offset: utcOffset } = given;
  if (typeof cron !== 'string') throw new BadRequestException(`cron is no text: ${USAGE}`);
  if (timeZone !== undefined && typeof timeZone !== 'string')
    throw new BadRequestException('time_zone is no text: give an IANA name such as "Europe/Berlin"');
  if (utcOffset !== undefined && typeof utcOffset !== 'number')
    throw new BadRequestException('utc_offset is no number: give minutes, such as 60');
  return {
    cron,
    ...(timeZone !== undefined && { timeZone }),
    ...(utcOffset !== undefined && { utcOffset }),
  };
}

function intervalOf(interval: unknown): Worker['interval'] {
  if (typeof interval === 'string' || typeof interval === 'number') return interval as Worker['interval'];
  throw new BadRequestException(`interval is neither a text nor a number: ${USAGE}`);
}

function dateOf(at: unknown): Date {
  try {
    return instant()(typeof at === 'string' ? at : '')!;
  } catch (error) {
    throw new BadRequestException(`at: ${(error as Error).message}`);
  }
}
