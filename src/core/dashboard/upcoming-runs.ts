import { type Scheduler } from '../scheduler/scheduler.js';
import { timeZoneOf } from './shown-definition.js';
import { type ShownWorker } from './shown-worker.js';

/** A slot that is still to come. */
export interface UpcomingRun {
  worker: string;
  at: string;
  /** Time zone of a cron expression. */
  time_zone?: string;
}

/** The next slots of all these workers, soonest first, without those that are paused, stopped or ended. */
export function upcomingRuns(
  scheduler: Scheduler,
  workers: readonly ShownWorker[],
  limit: number,
): UpcomingRun[] {
  const ticking = workers.filter(({ state, running }) => running && state !== 'paused' && state !== 'ended');
  // A worker whose next slot is not among the first `limit` has no slot in the result.
  const soonest = ticking
    .flatMap(({ name }) => scheduler.upcoming(name, 1).map((at) => ({ name, at })))
    .sort((a, b) => a.at.getTime() - b.at.getTime())
    .slice(0, limit);
  return soonest
    .flatMap(({ name }) => slotsOf(scheduler, name, limit))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.worker < b.worker ? -1 : 1))
    .slice(0, limit);
}

export function slotsOf(scheduler: Scheduler, worker: string, limit: number): UpcomingRun[] {
  const timeZone = timeZoneOf(scheduler.describe(worker).timing);
  return scheduler.upcoming(worker, limit).map((at) => ({
    worker,
    at: at.toISOString(),
    ...(timeZone !== undefined && { time_zone: timeZone }),
  }));
}
