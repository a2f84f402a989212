import { errorReasons } from '../core/text/error-reasons.js';
import { type Clock, SystemClock } from '../core/timing/clock.js';
import { DatabaseUnreachableError } from '../modules/schema/schema.errors.js';

/** Seconds for a database that does not answer in time, as on a machine with too much to do, or that is restarted meanwhile. */
const PATIENCE = 60;

/** Milliseconds between two attempts, which have waited for seconds themselves. */
const PAUSE = 500;

/** How the driver, its pool and the kernel say that no answer came in time. */
const SILENCE =
  /^(?:timeout exceeded when trying to connect|timeout expired|Connection terminated due to connection timeout|Query read timeout)|\bETIMEDOUT\b/i;

/** How they say that a connection was lost, or that the server starts, stops or is full. */
const LOSS = /^Connection terminated/i;
const LOST = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', '57P01', '57P02', '57P03', '53300']);

/** The database was waited for, and could not be used in time. */
export class DatabaseSilentError extends Error {
  override readonly name = 'DatabaseSilentError';

  constructor(seconds: number, reason: string, options?: ErrorOptions) {
    super(
      `The database could not be used for ${seconds} s (${reason}): start again when the machine has less to do, ` +
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
   * Takes the step again while the database does not answer in time, or loses connections. Not where nobody listens at its
   * address, which has been waited for.
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
        const reason = passingIn(error);
        if (reason === undefined) throw error;
        if (this.since === undefined)
          this.say(`The database does not answer (${reason}); it is asked again for up to ${PATIENCE} s`);
        this.since ??= begun;
        const waited = clock.monotonic() + PAUSE - this.since;
        if (waited >= PATIENCE * 1_000) throw new DatabaseSilentError(PATIENCE, reason, { cause: error });
      }
      await new Promise<void>((resolve) => void clock.setTimer(resolve, PAUSE));
    }
  }
}

/** Which reason passes by itself: the error, or what caused it. */
function passingIn(error: unknown): string | undefined {
  const reasons = [...errorReasons(error)];
  const silence = reasons.find(({ message }) => SILENCE.test(message));
  if (silence) return silence.message;
  if (reasons.some((reason) => reason.error instanceof DatabaseUnreachableError)) return undefined;
  const loss = reasons.find(({ code, message }) => LOSS.test(message) || LOST.has(code));
  return loss && (loss.message || loss.code);
}
