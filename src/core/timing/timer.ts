/** The longest delay of Node's timers in milliseconds, 24.8 days. They take a longer one as 1 ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A timer. Cancelling it after it has fired has no effect. */
export interface Timer {
  cancel(): void;
}

/**
 * Calls `callback` once after `delay` milliseconds of any length, in the async context of the caller. For workers use
 * `Clock.setTimer`, which tests can replace; this is for all other waits.
 * @param unref whether the timer does not keep the process alive. Default false
 */
export function startTimer(callback: () => void, delay: number, unref = false): Timer {
  return new LongTimer(callback, delay, unref);
}

/**
 * Calls `callback` at an interval.
 * @param interval milliseconds, up to 24.8 days
 */
export function startTicking(callback: () => void, interval: number, unref = false): Timer {
  const handle = setInterval(callback, Math.min(interval, LONGEST_TIMER));
  if (unref) handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/**
 * Resolves after `delay` milliseconds of any length.
 * @param signal when it aborts, `sleep` rejects with its reason
 * @param unref whether the timer does not keep the process alive. Default false
 */
export function sleep(delay: number, signal?: AbortSignal, unref = false): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const abort = (): void => {
      timer.cancel();
      reject(signal!.reason as Error);
    };
    const timer = startTimer(
      () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      },
      delay,
      unref,
    );
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Aborts after `delay` milliseconds, at most 24.8 days. Does not keep the process alive. */
export function timeoutSignal(delay: number): AbortSignal {
  return AbortSignal.timeout(Math.min(delay, LONGEST_TIMER));
}

/** A class: with ten thousand timers, a closure for each costs the garbage collector more than the timer. */
class LongTimer implements Timer {
  private handle!: NodeJS.Timeout;

  constructor(callback: () => void, delay: number, unref: boolean) {
    this.wait(callback, delay, unref);
  }

  cancel(): void {
    clearTimeout(this.handle);
  }

  private wait(callback: () => void, delay: number, unref: boolean): void {
    const hop = Math.min(delay, LONGEST_TIMER);
    this.handle = setTimeout(delay > hop ? () => this.wait(callback, delay - hop, unref) : callback, hop);
    if (unref) this.handle.unref();
  }
}
