import { type Clock, SystemClock } from '../core/timing/clock.js';

/** Seconds for a database that takes connections and does not answer in time, as on a machine with too much to do. */
const PATIENCE = 60;

/** Milliseconds between two attempts, which have waited for seconds themselves. */
const PAUSE = 500;

/** How the driver, its pool and the kernel say it. */
const SILENCE =
  /^(?:timeout exceeded when trying to connect|timeout expired|Connection terminated due to connection timeout|Query read timeout)|\bETIMEDOUT\b/i;

/** The database was waited for, and has not answered in time. */
export class DatabaseSilentError extends Error {
  override readonly name = 'DatabaseSilentError';

  constructor(seconds: number, reason: string, options?: ErrorOptions) {
    super(
      `The database has not answered in time for ${seconds} s (${reason}): start again when the machine has less to do, ` +
        'or see whether the database hangs or packets to it are dropped.',
      options,
    );
  }
}

/** A minute for all steps of a start together. */
export class DatabasePatience {
  private since: number | undefined;

  /** @param say takes what the user should know */
  constructor(
    private readonly say: (line: string) => void,
    private readonly clock: Clock = new SystemClock(),
  ) {}

  /**
   * Takes the step again while the database does not answer in time.
   * @param step leaves nothing behind when it fails
   * @throws DatabaseSilentError when the time is over, and whatever else the step throws, at once
   */
  async until<T>(step: () => Promise<T>): Promise<T> {
    const { clock } = this;
    for (;;) {
      const begun = clock.monotonic();
      try {
        return await step();
      } catch (error) {
        const reason = silenceIn(error);
        if (reason === undefined) throw error;
        if (this.since === undefined)
          this.say(`The database does not answer in time; it is asked again for up to ${PATIENCE} s`);
        this.since ??= begun;
        const waited = clock.monotonic() + PAUSE - this.since;
        if (waited >= PATIENCE * 1_000) throw new DatabaseSilentError(PATIENCE, reason, { cause: error });
      }
      await new Promise<void>((resolve) => void clock.setTimer(resolve, PAUSE));
    }
  }
}

const DEEPEST = 5;

/** What says that no answer came in time: the error, or one of its reasons. */
function silenceIn(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth === DEEPEST) return undefined;
  const { message, driverError, cause, errors } = error as Record<string, unknown>;
  if (typeof message === 'string' && SILENCE.test(message)) return message;
  const reasons = [driverError, cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  for (const reason of reasons) {
    const found = silenceIn(reason, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
