import { type OptionNames } from '../text/option-names.js';
import { type Duration } from '../timing/duration.js';
import { type Isolate, type IsolationKind } from './isolate.js';

/**
 * What happens when a run is due while another run of the same worker is active.
 *
 * - `skip`: it does not take place; its slot is counted as skipped.
 * - `queueOne`: it waits for the end of the active run. A newer one replaces one that waits.
 * - `cancelRunning`: like `queueOne`, and the signal of the active run aborts.
 * - `allow`: it starts beside the active run.
 */
export type OverlapPolicy = 'skip' | 'queueOne' | 'cancelRunning' | 'allow';

/** Wait after failures in a row: `initial`, then `factor` times as long each time, at most `max`. */
export interface Backoff {
  initial: Duration;
  /** Default 1 h, or `initial` if that is longer. */
  max?: Duration | undefined;
  /** At least 1. Default 2. */
  factor?: number | undefined;
}

/** What a metric of a run should be. */
export interface Expectation {
  min: number;
}

/** Options of a worker besides its name and schedule. All can be overridden by `options.workers`. */
export interface WorkerOptions {
  /**
   * How long a run may take. When it has passed, the run's `signal` aborts; a run that does not end then still counts as
   * active, and is reported as stuck. Default: no limit.
   */
  timeout?: Duration | undefined;

  /**
   * Whether a restart is needed while the worker is stuck in this process: then the health check is down, and the
   * orchestrator restarts the process. Default false: the health check is only degraded.
   */
  critical?: boolean | undefined;

  /** `false`: it is listed as stopped, does not run, and cannot be triggered. Default true. */
  enabled?: boolean | undefined;

  /** Its purpose, in a sentence for people. At most 500 characters. */
  description?: string | undefined;

  /** Workers of one group, such as `billing`, are shown together. At most 100 characters. */
  group?: string | undefined;

  /** Default `skip`. */
  overlap?: OverlapPolicy | undefined;

  /**
   * `slot` (default): at fixed instants, however long runs take. `delay`: an interval after the end of the last
   * run, the first one an interval after the start. `start`: at fixed instants from the start of this process on, as
   * `setInterval` does; replicas do not agree on them.
   */
  spacing?: 'slot' | 'delay' | 'start' | undefined;

  /**
   * Delays each run by up to this much: a fraction of the interval (0.1) or a duration ('30s'). The delay is computed
   * from the worker's name and the slot, so it is the same on every replica. It is always less than the time between two
   * slots. Default 0.
   */
  jitter?: number | Duration | undefined;

  /**
   * Also run when the worker starts; with coordination once for each schedule of the code, not at each start. Default
   * false.
   */
  runOnStart?: boolean | undefined;

  /**
   * How long to wait after a failure before the next run. Slots meanwhile are skipped; if no newer slot is due after the
   * wait, the failed run is retried. A duration means `{ initial }`. Default: off, the next run is at the next slot.
   */
  backoff?: Backoff | Duration | undefined;

  /**
   * After downtime, run the latest missed slot once, if it is not older than this; `true`: of any age. Needs a history
   * that outlives the process. Default: `true` for cron and for intervals of an hour or more, else `false`.
   */
  catchUp?: boolean | Duration | undefined;

  /**
   * How late a run may start: a slot is skipped when the process was busy or suspended for longer, or when it waits
   * longer for another run. Default: no limit.
   */
  startDeadline?: Duration | undefined;

  /** Waiting for its next slot does not keep the process alive. Default false. */
  unref?: boolean | undefined;

  /**
   * `cluster` (default): with `WorkerModule.forRoot({ coordination })`, each slot is run by one replica. `replica`:
   * every replica runs its own. Without coordination there is no difference.
   */
  scope?: 'cluster' | 'replica' | undefined;

  /**
   * With coordination: the time after the last renewal of a run's lease after which another replica may take over. A
   * replica renews three times in this time; a process that is blocked for more than 0.9 of it loses its run. At least 1
   * s. Default: the interval, or for cron the shortest time between two slots, but at least 1 s and at most 5 s.
   */
  lease?: Duration | undefined;

  /**
   * Most attempts of a slot whose run does not come to its end because its replica dies or is shut down. A newer slot
   * that is due always takes its place. Needs coordination. At least 1; default 3.
   */
  maxAttempts?: number | undefined;

  /**
   * Which of its runs the history keeps: `all`; `failures`, those that did not succeed; `none`. For a worker that runs
   * every second, whose 86,400 runs a day nobody reads. Counts, health, events and catch-ups do not depend on it. A run
   * that is not kept is not listed while it is active either, nor found as lost without coordination. Default `all`.
   */
  record?: 'all' | 'failures' | 'none' | undefined;

  /**
   * The last instant that may be a slot: a date, or an ISO 8601 text with a time zone, such as `2026-12-31T23:59:59Z`.
   * After it the worker has ended: it runs neither by schedule nor on events, only by `Scheduler.trigger`. Needs a
   * schedule. Default: none.
   */
  until?: Date | string | undefined;

  /**
   * After this number of runs of its schedule the worker has ended, as with `until`. Each slot counts once when its first
   * run begins, `runOnStart` too; retries, triggers and events do not count. With coordination it counts the runs of all
   * replicas since the worker was first enrolled, over restarts and new schedules; otherwise those of this process. Needs
   * a schedule. At least 1. Default: none.
   */
  limit?: number | undefined;

  /**
   * The most that a run may report by `context.metric`, by the name of the metric: `{ cost: 2 }`. With `IncidentsModule`,
   * a run beyond it opens an incident (`over_budget`); the run does not fail. Default: none.
   */
  budget?: Readonly<Record<string, number>> | undefined;

  /**
   * The least that a successful run should report by `context.metric`, by the name of the metric: `{ rows: { min: 1 } }`.
   * With `IncidentsModule`, a run that reports less, or nothing, opens an incident (`did_nothing`); the run does not
   * fail. Default: a metric that is 0 after five runs with more than 0 opens it.
   */
  expect?: Readonly<Record<string, Expectation>> | undefined;

  /**
   * Runs it outside of the main thread, in a worker thread or a child process with a Nest context of its own, so that its
   * computation delays nobody: see `WorkerModule.forRoot({ isolation })`, which names the module. A run that does not end
   * after its signal has aborted is ended by force. `false`: in the main thread. Default `false`.
   */
  isolate?: IsolationKind | Isolate | false | undefined;

  /** Types of events that make it run. The event becomes the run's payload. Needs an `EventSource`. */
  on?: readonly string[] | undefined;
}

export const BACKOFF_NAMES: OptionNames<Backoff> = { initial: true, max: true, factor: true };

export const WORKER_OPTION_NAMES: OptionNames<WorkerOptions> = {
  timeout: true,
  critical: true,
  enabled: true,
  description: true,
  group: true,
  overlap: true,
  spacing: true,
  jitter: true,
  runOnStart: true,
  backoff: true,
  catchUp: true,
  startDeadline: true,
  unref: true,
  scope: true,
  lease: true,
  maxAttempts: true,
  record: true,
  until: true,
  limit: true,
  budget: true,
  expect: true,
  isolate: true,
  on: true,
};
