import { type Duration } from '../timing/duration.js';

/**
 * What happens when a run is due while another one of the same worker is active.
 *
 * - `skip`: it does not take place; the slot is counted as skipped.
 * - `queueOne`: it waits for the end of the active one. A newer one takes the place of one that waits.
 * - `cancelRunning`: as `queueOne`, and the signal of the active one aborts.
 * - `allow`: it starts beside the other.
 */
export type OverlapPolicy = 'skip' | 'queueOne' | 'cancelRunning' | 'allow';

/** How long to wait after failures in a row: `initial`, then `factor` times as long each time, at most `max`. */
export interface Backoff {
  initial: Duration;
  /** Default 1 h, or `initial` if that is longer. */
  max?: Duration | undefined;
  /** At least 1. Default 2. */
  factor?: number | undefined;
}

/** What a metric of a run is to be. */
export interface Expectation {
  min: number;
}

/** What a worker may say of itself beside its name and its schedule. All can be overridden by `options.workers`. */
export interface WorkerOptions {
  /**
   * How long a run may take. When it passes, the run's `signal` aborts; a run that does not end then keeps its
   * place and is reported as stuck. Default: no limit.
   */
  timeout?: Duration | undefined;

  /**
   * Whether a restart is wanted while the worker is stuck in this process: then the health check is down, and the
   * orchestrator restarts it. Default false: a stuck worker only degrades it.
   */
  critical?: boolean | undefined;

  /** `false`: it is listed as stopped, does not tick, and cannot be triggered. Default true. */
  enabled?: boolean | undefined;

  /** What it is for, in a sentence for people. At most 500 characters. */
  description?: string | undefined;

  /** Workers with one group are shown together, such as `billing`. At most 100 characters. */
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
   * Delays each run by up to this much: a fraction of the interval (0.1) or a duration ('30s'). It comes from the
   * worker's name and the slot, so it is the same on every replica. Less than the time between two slots in any
   * case. Default 0.
   */
  jitter?: number | Duration | undefined;

  /** Also run when the worker starts to tick. Default false. */
  runOnStart?: boolean | undefined;

  /**
   * After a failure, wait so long before the next run: slots meanwhile are skipped, and if no new slot has come
   * by then, the failed one is tried again. A duration means `{ initial }`. Default: off, the next run is at the
   * next slot.
   */
  backoff?: Backoff | Duration | undefined;

  /**
   * After downtime, run the latest slot that was missed, once, if it is not older than this; `true`: however old.
   * Needs a history that outlives the process. Default: on for cron and for intervals of an hour or more, if there
   * is such a history.
   */
  catchUp?: boolean | Duration | undefined;

  /**
   * How late a run may start: a slot that finds the process busy or asleep for longer than that, or waits for longer
   * behind another run, is skipped. Default: it runs however late it is.
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
   * With coordination: how long after the last sign of life of its replica a run is another one's. A replica renews it three
   * times in this time; a process that is blocked for more than 0.9 of it loses its run. At least 1 s. Default: the
   * interval, or of cron the shortest time between two slots, but at least 1 s and at most 5 s.
   */
  lease?: Duration | undefined;

  /**
   * How often a slot is tried whose run does not come to its end, because its replica dies or is shut down. A newer
   * slot that is due takes its place in any case. Needs coordination. At least 1; default 3.
   */
  maxAttempts?: number | undefined;

  /**
   * Which of its runs the history keeps: `all`; `failures`, those that did not succeed; `none`. For a worker that runs
   * every second, whose 86,400 runs a day nobody reads. Counts, health, events and catch-ups are the same with each. A
   * run that is not kept is not shown while it is active either, nor found as lost where there is no coordination.
   * Default `all`.
   */
  record?: 'all' | 'failures' | 'none' | undefined;

  /**
   * The last instant that may be a slot: a date, or an ISO 8601 text with a time zone, such as `2026-12-31T23:59:59Z`. After it
   * the worker has ended: no schedule and no event makes it run, `Scheduler.trigger` still does. Needs a schedule. Default:
   * none.
   */
  until?: Date | string | undefined;

  /**
   * After this number of runs of its schedule the worker has ended, as with `until`. Each slot counts once when its first run begins,
   * `runOnStart` too; retries, triggers and events do not count. With coordination it counts the runs of all replicas since it
   * was first made known, over restarts and new schedules; otherwise those of this process. Needs a schedule. At least 1.
   * Default: none.
   */
  limit?: number | undefined;

  /**
   * The most that a run may report by `context.metric`, by the name of the metric: `{ cost: 2 }`. A run beyond it is reported
   * as an incident (`over_budget`), where there is `IncidentsModule`; it does not fail. Default: none.
   */
  budget?: Readonly<Record<string, number>> | undefined;

  /**
   * The least that a run that succeeds is to report by `context.metric`, by the name of the metric: `{ rows: { min: 1 } }`. One
   * that reports less, or does not report it, is reported as an incident (`did_nothing`), where there is `IncidentsModule`; it
   * does not fail. Default: a metric that is 0 after five runs with more than 0.
   */
  expect?: Readonly<Record<string, Expectation>> | undefined;

  /** Types of events that make it run, the event being the payload. Needs an `EventSource`. */
  on?: readonly string[] | undefined;
}
