import { z } from 'zod';
import { type Duration, parseDuration } from '../../core/timing/duration.js';
import { type HealthCheckId, type InstanceId, isId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { parseInput, shown } from '../input/input.js';
import { type MaintenanceTimes, type MaintenanceWindow, scheduleOf } from './maintenance.js';
import { type Push } from './probes/push.prober.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** `from` and `until` for once, or `cron`, `timeZone` and `duration` for again and again. */
export interface MaintenanceRequest {
  checkId?: HealthCheckId;
  instanceId?: InstanceId;
  /** Default now. */
  from?: Date | string;
  until?: Date | string;
  cron?: string;
  /** IANA name. Default UTC. */
  timeZone?: string;
  /** A minute to a day. */
  duration?: Duration;
  reason?: string;
}

const instant = z.union([z.date(), z.iso.datetime({ offset: true }).transform((text) => new Date(text))], {
  error: ({ input }) => `${shown(input)} is no instant: give one such as 2030-01-31T12:00:00Z`,
});
const text = z.string().max(500, 'longer than 500 characters');

const schema = z.strictObject({
  checkId: z.string().optional(),
  instanceId: z.string().optional(),
  from: instant.optional(),
  until: instant.optional(),
  cron: text.optional(),
  timeZone: text.optional(),
  duration: z.union([z.string(), z.number()]).optional(),
  reason: text.default(''),
});

/** @throws InvalidInputError that names every field that cannot be */
export function parseMaintenance(
  request: MaintenanceRequest,
  now = Date.now(),
): Omit<MaintenanceWindow, 'id' | 'tenantId' | 'createdAt'> {
  const parsed = parseInput('maintenance window', schema, request);
  const faults: string[] = [];
  const { checkId, instanceId, reason } = parsed;
  if (checkId !== undefined && !isId('healthCheck', checkId))
    faults.push(`checkId: ${shown(checkId)} is no id of a check`);
  if (instanceId !== undefined && !isId('instance', instanceId))
    faults.push(`instanceId: ${shown(instanceId)} is no id of an instance`);
  if (checkId !== undefined && instanceId !== undefined)
    faults.push('checkId: says it all: leave out instanceId');
  const times = parsed.cron === undefined ? once(parsed, now, faults) : recurring(parsed, faults);
  if (faults.length > 0) throw new InvalidInputError('maintenance window', faults);
  return {
    checkId: checkId as HealthCheckId | undefined,
    instanceId: instanceId as InstanceId | undefined,
    times: times!,
    reason,
  };
}

type Parsed = z.output<typeof schema>;

function once(
  { from, until, duration, timeZone }: Parsed,
  now: number,
  faults: string[],
): MaintenanceTimes | undefined {
  if (duration !== undefined) faults.push('duration: goes with cron: give until');
  if (timeZone !== undefined) faults.push('timeZone: goes with cron: an instant says its own');
  if (!until) {
    faults.push('until: is missing: give until, or cron and duration');
    return undefined;
  }
  const begin = from ?? new Date(now);
  if (until <= begin) faults.push(`until: ${until.toISOString()} is not after ${begin.toISOString()}`);
  if (until.getTime() <= now) faults.push(`until: ${until.toISOString()} is over already`);
  return { kind: 'once', from: begin, until };
}

function recurring(
  { cron, timeZone = 'UTC', duration, from, until }: Parsed,
  faults: string[],
): MaintenanceTimes | undefined {
  if (from ?? until) faults.push('from: goes without cron: give duration');
  try {
    scheduleOf(cron!, timeZone);
  } catch (error) {
    faults.push(`cron: ${(error as Error).message}`);
  }
  if (duration === undefined) {
    faults.push('duration: is missing');
    return undefined;
  }
  try {
    const milliseconds = parseDuration(duration as Duration);
    if (milliseconds < MINUTE || milliseconds > DAY)
      faults.push(`duration: ${shown(duration)} is not from 1m to 1d`);
    return { kind: 'recurring', cron: cron!, timeZone, duration: milliseconds };
  } catch (error) {
    faults.push(`duration: ${(error as Error).message}`);
    return undefined;
  }
}

/** What a target says when it calls. */
export interface PushRequest {
  /** Default `success`. */
  outcome?: Push['outcome'];
  message?: string;
}

const push = z.strictObject({
  outcome: z.enum(['success', 'degraded', 'failure']).default('success'),
  message: text.default('The target called'),
});

/** @throws InvalidInputError */
export function parsePush(request: PushRequest): Push {
  return parseInput('push', push, request);
}
