import { type IsolationKind } from '../worker/isolate.js';
import { type Exit } from './transport.js';

/** The thread or process of a run has ended before the run. */
export class IsolatedCrashError extends Error {
  override readonly name = 'IsolatedCrashError';
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | undefined;

  /** @param cause the error that ended it, as far as it is known */
  constructor(worker: string, kind: IsolationKind, { code, signal }: Exit, cause?: unknown) {
    super(
      `The ${kind} of "${worker}" ended in mid-run${signal === undefined ? ` with exit code ${code}` : `, by ${signal}${whyBy(signal)}`}`,
      cause === undefined ? {} : { cause },
    );
    this.exitCode = code;
    this.signal = signal;
  }
}

function whyBy(signal: string): string {
  if (signal === 'SIGABRT') return ': process.abort(), or no memory was left (option memory)';
  if (signal === 'SIGKILL') return ': somebody has killed it, or the system had no memory left';
  return '';
}

/** A run did not end after its signal had aborted, and was ended with its thread or process. */
export class RunTerminatedError extends Error {
  override readonly name = 'RunTerminatedError';

  /** @param cause the reason of its signal */
  constructor(worker: string, kind: IsolationKind, grace: number, cause: unknown) {
    super(
      `The run of "${worker}" did not end within ${grace} ms after its signal aborted, and its ${kind} was ended`,
      { cause },
    );
  }
}

/** The thread or process of a worker could not be started. */
export class IsolatedStartError extends Error {
  override readonly name = 'IsolatedStartError';

  constructor(kind: IsolationKind, file: string, why: string, cause?: unknown) {
    super(`The ${kind} for ${file} cannot be started: ${why}`, cause === undefined ? {} : { cause });
  }
}

/** A payload with something in it that cannot be copied, such as a function. */
export class UncopiablePayloadError extends Error {
  override readonly name = 'UncopiablePayloadError';

  constructor(worker: string, kind: IsolationKind, cause: unknown) {
    super(`The payload of this run of "${worker}" cannot be copied to its ${kind}: give plain values`, {
      cause,
    });
  }
}

/** `context.fanOut` in a thread or process: engines and counts are in the application. */
export class IsolatedFanOutError extends Error {
  override readonly name = 'IsolatedFanOutError';

  constructor(worker: string) {
    super(
      `"${worker}" is isolated, and an isolated run cannot fan out: leave isolate off, and give what computes to a worker of its own`,
    );
  }
}
