import { type RunOutcome } from '../../core/history/run.js';
import { type Duration } from '../../core/timing/duration.js';

/** When the runs of a schedule are due: exactly one of `every`, `cron` and `at`. */
export interface ScheduleInput {
  /** Name of the method with `@Scheduled` that runs it. */
  handler: string;
  /** What the schedule is called among those of the handler, such as the id of a user. 1 to 300 characters. */
  key: string;
  /**
   * An interval of at least 1 s. Its slots are counted from `startsAt`; without it from the epoch, shifted by a hash of handler and
   * key, so that a million schedules of an hour are spread over the hour.
   */
  every?: Duration | undefined;
  /** A cron expression of five or six fields, as `@Cron` takes it. */
  cron?: string | undefined;
  /** One instant: a date, or an ISO 8601 text with a time zone. One that has passed is run at once. */
  at?: Date | string | undefined;
  /** Of `cron`: an IANA name, such as `Europe/Berlin`. Default UTC. */
  timeZone?: string | undefined;
  /** What the run gets as `context.payload`: its JSON, read again. At most 64 KiB. */
  payload?: unknown;
  /** Delays each run by up to this much, less than the time to the next slot. The delay comes from handler, key and slot. Default 0. */
  jitter?: Duration | undefined;
  /** No slot comes before this instant. Default: none does before now. */
  startsAt?: Date | string | undefined;
  /** The last instant that may be a slot. Default: there is no end. */
  until?: Date | string | undefined;
  /** After runs for this many slots the schedule has ended. Default: there is no limit. */
  limit?: number | undefined;
  /**
   * The longest delay after which a slot is still run, after downtime or behind a backlog. `true`: any; `false`: a minute. Of several
   * slots that have passed only the latest is run; the others count as missed. Default `true`.
   */
  catchUp?: boolean | Duration | undefined;
  /** Schedules of a handler with one group share its `groupConcurrency`, such as those of a tenant. At most 200 characters. */
  group?: string | undefined;
}

/** The same, checked: lengths and instants are milliseconds. What it says is stored as JSON, and compared as such. */
export interface ScheduleTiming {
  readonly every?: number;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly at?: number;
  readonly jitter?: number;
  readonly startsAt?: number;
  readonly until?: number;
  readonly limit?: number;
  /** Absent: however late. */
  readonly catchUp?: number;
}

export const SCHEDULE_STATES = ['active', 'running', 'paused', 'ended'] as const;

/**
 * What a schedule does. `active`: it waits for its next run. `running`: a replica has claimed it. `paused`: until it is resumed.
 * `ended`: its instant, its `until` or its `limit` has passed.
 */
export type ScheduleState = (typeof SCHEDULE_STATES)[number];

/** How the last run of a schedule ended. `unknown_handler`: there was none, as no replica has its handler. */
export type ScheduleOutcome = Exclude<RunOutcome, 'running'> | 'unknown_handler';

/** A stored schedule. */
export interface Schedule {
  readonly handler: string;
  readonly key: string;
  readonly group: string | undefined;
  readonly timing: ScheduleTiming;
  readonly payload: unknown;
  readonly state: ScheduleState;
  /** The slot that is run next, or is being run; undefined when there is none. */
  readonly slot: Date | undefined;
  /** When the run of that slot is to start: later than the slot with `jitter`, and after a failure. */
  readonly nextRun: Date | undefined;
  /** Number of the next attempt at the slot, or of the one that is active; from 1. */
  readonly attempt: number;
  readonly createdAt: Date;
  /** When it was created or changed last: not by a run. */
  readonly changedAt: Date;
  /** Slots that have had their runs, which `limit` counts. */
  readonly turns: number;
  /** Runs that have ended, those by hand and repeated attempts too. */
  readonly runs: number;
  /** How many of these failed, took too long or were lost. */
  readonly failures: number;
  /** Slots that had no run: a newer one had come, or it was too late. */
  readonly missed: number;
  readonly consecutiveFailures: number;
  readonly lastOutcome: ScheduleOutcome | undefined;
  /** Id of the last run that has ended; undefined when that was lost, or there was none. */
  readonly lastRun: string | undefined;
  readonly lastStartedAt: Date | undefined;
  readonly lastEndedAt: Date | undefined;
  /** Message of the last run's error; undefined when it succeeded. */
  readonly lastError: string | undefined;
}
