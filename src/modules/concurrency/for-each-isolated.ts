import { setMaxListeners } from 'node:events';
import { type Clock, SystemClock } from '../../core/timing/clock.js';
import { type Duration, parseDuration } from '../../core/timing/duration.js';
import { type ItemBackoff } from './item-backoff.js';

/** Providers and databases work in parallel, but a hundred at a time would starve everything else. */
const DEFAULT_CONCURRENCY = 8;

export interface IsolationOptions<T> {
  /** Most items at a time. Default 8. */
  concurrency?: number | undefined;
  /**
   * What each item gets. Then its signal aborts, it has failed with `ItemTimeoutError`, and the next has its turn:
   * work that ignores its signal goes on unseen. Default none.
   */
  timeout?: Duration | undefined;
  /** Aborts all of it. */
  signal?: AbortSignal | undefined;
  /** What an item is called: in the failures, and in the backoff, which needs it. Default its position. */
  key?: ((item: T) => string) | undefined;
  /** Leaves items alone that failed in an earlier call, until their wait is over. Keep it between the calls. */
  backoff?: ItemBackoff | undefined;
  clock?: Clock | undefined;
}

/** An item that could not be handled; the others were. */
export interface ItemFailure<T> {
  readonly item: T;
  readonly key: string;
  readonly error: unknown;
}

/** What became of the items. Each is in exactly one of the counts. */
export interface IsolatedSummary<T> {
  readonly succeeded: number;
  /** In the order of the items. */
  readonly failures: readonly ItemFailure<T>[];
  /** Keys of those that were left alone, as they failed before and their wait is not over. */
  readonly waiting: readonly string[];
}

/** An item did not end within its time. */
export class ItemTimeoutError extends Error {
  override readonly name = 'ItemTimeoutError';

  constructor(
    readonly key: string,
    readonly timeout: number,
  ) {
    super(`${key} did not end within ${timeout} ms`);
  }
}

/**
 * Does it for each item, n at a time; one that fails or hangs keeps no other from its turn. The items may come from a
 * source that is read while earlier ones are being handled, such as a paged list.
 *
 * @param fn gets the item and the signal that ends with its time, or with the whole
 * @throws the signal's reason once it has aborted, and the source's error when it cannot go on: both after everything
 *   under way has ended.
 *
 * @example
 * const { failures } = await forEachIsolated(everyItem(listPage), { concurrency: 4, timeout: '10s', signal }, sweep);
 */
export async function forEachIsolated<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: IsolationOptions<T>,
  fn: (item: T, signal: AbortSignal) => Promise<unknown>,
): Promise<IsolatedSummary<T>> {
  const { concurrency = DEFAULT_CONCURRENCY, key, signal, backoff, clock = new SystemClock() } = options;
  if (!(Number.isInteger(concurrency) && concurrency > 0))
    throw new Error(`concurrency: ${concurrency} is not a whole number above 0`);
  // Each item listens for its end: as many as are active at a time are no leak.
  if (signal) setMaxListeners(0, signal);
  if (backoff && !key) throw new Error('key: a backoff has to know the items again: say what each is called');
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout);

  const source =
    Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : (items as Iterable<T>)[Symbol.iterator]();
  const failures: (ItemFailure<T> & { position: number })[] = [];
  const waiting: string[] = [];
  let succeeded = 0;
  let read = 0;
  let sourceEnded = false;

  const handle = async (item: T, position: number): Promise<void> => {
    const name = key ? key(item) : String(position);
    if (backoff && backoff.remaining(name) > 0) {
      waiting.push(name);
      return;
    }
    try {
      await withinTime((own) => fn(item, own), { key: name, timeout, signal, clock });
      succeeded++;
      backoff?.succeeded(name);
    } catch (error) {
      // What ends because the whole does has not failed.
      if (signal?.aborted) return;
      failures.push({ item, key: name, error, position });
      backoff?.failed(name);
    }
  };
  const turns = async (): Promise<void> => {
    // All runners share one iterator: each takes the next item when it is done with its own.
    while (!sourceEnded && !signal?.aborted) {
      try {
        const next = await source.next();
        if (next.done) {
          sourceEnded = true;
          return;
        }
        if (signal?.aborted) return;
        await handle(next.value, read++);
      } catch (error) {
        sourceEnded = true;
        throw error;
      }
    }
  };

  const ends = await Promise.allSettled(Array.from({ length: concurrency }, turns));
  if (signal?.aborted || ends.some(({ status }) => status === 'rejected')) {
    // A generator may hold something open, such as a cursor.
    if (!sourceEnded) await source.return?.();
    signal?.throwIfAborted();
  }
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  failures.sort((a, b) => a.position - b.position);
  return { succeeded, failures: failures.map(({ item, key, error }) => ({ item, key, error })), waiting };
}

interface ItemLimits {
  key: string;
  timeout: number | undefined;
  signal: AbortSignal | undefined;
  clock: Clock;
}

async function withinTime(
  fn: (signal: AbortSignal) => Promise<unknown>,
  { key, timeout, signal, clock }: ItemLimits,
): Promise<void> {
  const own = new AbortController();
  const abort = (): void => own.abort(signal!.reason);
  signal?.addEventListener('abort', abort);
  try {
    if (timeout === undefined) {
      await fn(own.signal);
      return;
    }
    let giveUp!: (error: Error) => void;
    const timedOut = new Promise<never>((_, reject) => (giveUp = reject));
    const timer = clock.setTimer(() => {
      const error = new ItemTimeoutError(key, timeout);
      giveUp(error);
      own.abort(error);
    }, timeout);
    try {
      await Promise.race([fn(own.signal), timedOut]);
    } finally {
      timer.cancel();
    }
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
