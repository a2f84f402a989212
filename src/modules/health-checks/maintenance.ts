import { CronSchedule } from '../../core/timing/cron-schedule.js';
import {
  type HealthCheckId,
  type InstanceId,
  type MaintenanceWindowId,
  type TenantId,
} from '../ids/typed-id.js';
import { type HealthCheck } from './health-check.js';

/** When failures have no consequences: once, or again and again. */
export type MaintenanceTimes =
  | { readonly kind: 'once'; readonly from: Date; readonly until: Date }
  | {
      readonly kind: 'recurring';
      /** When each begins, as cron says it. */
      readonly cron: string;
      /** IANA name. */
      readonly timeZone: string;
      /** Milliseconds, each. */
      readonly duration: number;
    };

/**
 * Time in which checks run and are kept, and neither change a state nor tell anybody nor count for the uptime: of one
 * check, of all checks of one instance, or of all of the tenant.
 */
export interface MaintenanceWindow {
  id: MaintenanceWindowId;
  tenantId: TenantId;
  instanceId?: InstanceId;
  checkId?: HealthCheckId;
  times: MaintenanceTimes;
  /** Why, for people. */
  reason: string;
  createdAt: Date;
}

/** Cron expressions take a while to read, and are asked about thousands of times a second. */
const schedules = new Map<string, CronSchedule>();
const MOST_SCHEDULES = 1_000;

/** Whether it is active at that instant. Its begin belongs to it, its end does not. */
export function isOn({ times }: Pick<MaintenanceWindow, 'times'>, at: number): boolean {
  if (times.kind === 'once') return at >= times.from.getTime() && at < times.until.getTime();
  return at - scheduleOf(times.cron, times.timeZone).latest(at) < times.duration;
}

/** Whether it will never be on again. */
export function isOver({ times }: Pick<MaintenanceWindow, 'times'>, at: number): boolean {
  return times.kind === 'once' && at >= times.until.getTime();
}

/** Whether the window is about the check. */
export function concerns(
  { tenantId, instanceId, checkId }: Pick<MaintenanceWindow, 'tenantId' | 'instanceId' | 'checkId'>,
  check: Pick<HealthCheck, 'id' | 'tenantId' | 'instanceId'>,
): boolean {
  if (tenantId !== check.tenantId) return false;
  if (checkId !== undefined) return checkId === check.id;
  return instanceId === undefined || instanceId === check.instanceId;
}

/** @throws InvalidCronError */
export function scheduleOf(cron: string, timeZone: string): CronSchedule {
  const key = `${timeZone} ${cron}`;
  let schedule = schedules.get(key);
  if (!schedule) {
    schedule = new CronSchedule({ cron, timeZone });
    if (schedules.size >= MOST_SCHEDULES) schedules.clear();
    schedules.set(key, schedule);
  }
  return schedule;
}
