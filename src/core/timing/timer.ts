/** The longest that Node's timers take, milliseconds: 24.8 days. They make 1 ms of anything beyond. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A timer that has not fired yet. Cancelling one that has is harmless. */
export interface Timer {
  cancel(): void;
}

/**
 * Calls back once after a delay in milliseconds, however long. In the async context of the caller. What ticks for workers
 * takes `Clock.setTimer`, which tests can replace; this is for everything else that waits.
 * @param unref do not keep the process alive for it
 */
export function startTimer(callback: () => void, delay: number, unref = false): Timer {
  return new LongTimer(callback, delay, unref);
}

/** Calls back again and again. @param interval milliseconds, up to 24.8 days */
export function startTicking(callback: () => void, interval: number, unref = false): Timer {
  const handle = setInterval(callback, Math.min(interval, LONGEST_TIMER));
  if (unref) handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/**
 * Resolves after that many milliseconds, however many.
 * @param signal rejects with its reason when it aborts
 * @param unref do not keep the process alive for it
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

/** Aborts after that many milliseconds, 24.8 days at most, and keeps no process alive. */
export function timeoutSignal(delay: number): AbortSignal {
  return AbortSignal.timeout(Math.min(delay, LONGEST_TIMER));
}

/** A class, as a function for each of ten thousand timers is more to look after than the timer. */
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
