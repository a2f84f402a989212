import { type RunError } from '../text/describe-error.js';
import { type RunProgress, type RunTrigger } from '../worker/run-context.js';
import { type RunLog } from './run-log.js';

/**
 * How a run ended, or `running`. `timed_out` and `aborted` (by shutdown) are said of a run whose signal had
 * aborted before it ended, whatever it then returned; so is `cancelled`, by `Scheduler.cancel`. `lost`: its replica stopped answering in mid-run.
 */
export type RunOutcome = 'running' | 'succeeded' | 'failed' | 'timed_out' | 'aborted' | 'cancelled' | 'lost';

/** The record of one run. */
export interface Run {
  /** UUID. */
  id: string;
  worker: string;
  /** Id of the replica that ran it. */
  replica: string;
  trigger: RunTrigger;
  /** Who triggered it; absent when nobody said so. At most 200 characters. */
  actor?: string;
  /** Release of the application that ran it; absent when it does not say which it is. */
  release?: string;
  /** The instant that it stands for; absent when it was triggered. */
  slot?: Date;
  attempt: number;
  scheduledAt: Date;
  startedAt: Date;
  endedAt?: Date;
  outcome: RunOutcome;
  error?: RunError;
  progress?: RunProgress;
  /**
   * Milliseconds for which it kept the event loop from everything else. Measured where it blocked before its
   * first `await`; otherwise it is the only run that was active.
   */
  blockedMs?: number;
  /** What it measured by `context.metric`: by name, the last value. At most 50. */
  metrics?: Record<string, number>;
  /**
   * What it was given (`context.payload`); absent when it was given nothing. A store gives it back when it is asked for it
   * (`RunQuery.withLog`).
   */
  payload?: unknown;
  /** It was given a payload whose JSON has more than 256 KiB, which is not kept. */
  payloadOmitted?: true;
  /** What it said by `context.logger`. A store gives it back when it is asked for it (`RunQuery.withLog`). */
  log?: RunLog;
}

/** The record of a run that has ended. */
export type EndedRun = Run & { endedAt: Date };

/** Milliseconds by which it began after it was due: a busy process, a run before it, a limit of runs at a time. */
export function latenessOf({ startedAt, scheduledAt }: Pick<Run, 'startedAt' | 'scheduledAt'>): number {
  return startedAt.getTime() - scheduledAt.getTime();
}

/** What a list shows of a run: its log may have 16 KiB, its payload 256. */
export function withoutLog<T extends Run>({
  log: _log,
  payload: _payload,
  ...run
}: T): Omit<T, 'log' | 'payload'> {
  return run;
}

/** In the order of the runs. */
export function byId(runs: Run[]): Map<string, Run> {
  return new Map(runs.map((run) => [run.id, run]));
}
