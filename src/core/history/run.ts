import { type RunProgress, type RunTrigger } from '../worker/run-context.js';

/**
 * How a run ended, or `running`. `timed_out` and `aborted` (by shutdown) are said of a run whose signal had
 * aborted before it ended, whatever it then returned. `lost`: its replica stopped answering in mid-run.
 */
export type RunOutcome = 'running' | 'succeeded' | 'failed' | 'timed_out' | 'aborted' | 'lost';

export interface RunError {
  /** Class of the error; absent when something else was thrown. */
  name?: string;
  /** At most 2,000 characters. */
  message: string;
  /** At most 8,000 characters. */
  stack?: string;
}

/** The record of one run. */
export interface Run {
  /** UUID. */
  id: string;
  worker: string;
  /** Id of the replica that ran it. */
  replica: string;
  trigger: RunTrigger;
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
   * first `await`; otherwise it is the only run that was on.
   */
  blockedMs?: number;
}

/** The record of a run that has ended. */
export type EndedRun = Run & { endedAt: Date };

/** Milliseconds by which it began after it was due: a busy process, a run before it, a limit of runs at a time. */
export function latenessOf({ startedAt, scheduledAt }: Pick<Run, 'startedAt' | 'scheduledAt'>): number {
  return startedAt.getTime() - scheduledAt.getTime();
}

const LONGEST_MESSAGE = 2_000;
const LONGEST_STACK = 8_000;

/** What was thrown, whatever it is, as a record that can be stored anywhere. */
export function describeError(thrown: unknown): RunError {
  if (!(thrown instanceof Error)) return { message: clean(describeValue(thrown), LONGEST_MESSAGE) };
  return {
    name: clean(thrown.name, LONGEST_MESSAGE),
    message: clean(thrown.message || thrown.name, LONGEST_MESSAGE),
    ...(thrown.stack && { stack: clean(thrown.stack, LONGEST_STACK) }),
  };
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return (typeof value === 'object' && value !== null && JSON.stringify(value)) || String(value);
  } catch {
    // A cycle, a throwing toJSON, an object without prototype.
    return Object.prototype.toString.call(value);
  }
}

/** Postgres takes neither NUL nor a lone surrogate in text; one of them would lose the whole batch. */
function clean(text: string, longest: number): string {
  return text.slice(0, longest).replaceAll('\0', '').toWellFormed();
}
