import { setMaxListeners } from 'node:events';

/** A run has ended before its fan-outs. */
export class FanOutNotAwaitedError extends Error {
  override readonly name = 'FanOutNotAwaitedError';

  constructor(readonly worker: string) {
    super(`The run of "${worker}" ended before its fan-out, which was stopped: await context.fanOut(…)`);
  }
}

/** The fan-outs of one run. */
export class RunFanOuts {
  private readonly keys: string[] = [];
  private onSucceeded?: (keys: readonly string[]) => void;
  private readonly active = new Set<Promise<unknown>>();
  private readonly controller = new AbortController();

  /** @param run the run's signal */
  constructor(run: AbortSignal) {
    // Each active shard listens, and Node warns of more than ten.
    setMaxListeners(0, this.controller.signal);
    run.addEventListener('abort', () => this.controller.abort(run.reason), { once: true });
  }

  /** @param key identifies the run over all attempts at its slot or request */
  nextKey(key: string, shard: string): string {
    const next = `${key}/${this.keys.length + 1}/${shard}`;
    this.keys.push(next);
    return next;
  }

  async whileActive<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const done = work(this.controller.signal);
    this.active.add(done);
    try {
      return await done;
    } finally {
      this.active.delete(done);
    }
  }

  /** Stops those that are active, and waits for them. */
  async stop(reason: unknown): Promise<void> {
    this.controller.abort(reason);
    await Promise.allSettled(this.active);
  }

  /** @throws FanOutNotAwaitedError when some are active; they are stopped */
  async requireEnded(worker: string): Promise<void> {
    if (this.active.size === 0) return;
    const reason = new FanOutNotAwaitedError(worker);
    await this.stop(reason);
    throw reason;
  }

  /** @param listener called with the keys when the run has succeeded */
  whenSucceeded(listener: (keys: readonly string[]) => void): void {
    this.onSucceeded = listener;
  }

  runSucceeded(): void {
    this.onSucceeded?.(this.keys);
  }
}
