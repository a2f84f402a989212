import { setImmediate } from 'node:timers';
import { waitAfter } from '../scheduler/backoff.js';
import { type Clock, type Timer } from '../timing/clock.js';
import { type FanOut, FanOutEngine, type FanOutOutcome } from './fan-out.engine.js';
import { ShardResults } from './shard-results.js';

/** Shards that start before the event loop gets a turn: those that wait for nothing would hold it until the last. */
const STARTS_PER_TURN = 500;

/** Runs the shards in the process of their run. What was done is lost with the process. */
export class LocalFanOutEngine extends FanOutEngine {
  override readonly description = 'this process';

  constructor(private readonly clock: Clock) {
    super();
  }

  async open(): Promise<void> {}
  serve(): void {}
  async rest(): Promise<void> {}

  run(fanOut: FanOut): Promise<FanOutOutcome> {
    return new LocalFanOut(fanOut, this.clock).run();
  }

  async forget(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A fan-out, from its first shard to its last. */
class LocalFanOut {
  private readonly results = new ShardResults();
  /** Index of the next shard that has not begun. */
  private next = 0;
  private active = 0;
  /** Those that wait for another attempt, and those whose wait is over. */
  private readonly waits = new Set<Timer>();
  private readonly again: { index: number; attempt: number }[] = [];
  private starts = 0;
  private yielding = false;
  private broken?: { error: unknown };
  private settle!: () => void;

  constructor(
    private readonly fanOut: FanOut,
    private readonly clock: Clock,
  ) {}

  async run(): Promise<FanOutOutcome> {
    const { signal } = this.fanOut;
    const over = new Promise<void>((resolve) => (this.settle = resolve));
    const stop = (): void => {
      for (const timer of this.waits) timer.cancel();
      this.waits.clear();
      this.advance();
    };
    signal.addEventListener('abort', stop, { once: true });
    this.advance();
    await over;
    signal.removeEventListener('abort', stop);
    if (this.broken) throw this.broken.error;
    if (!this.ended) signal.throwIfAborted();
    return this.results.outcome;
  }

  /** Whether every shard has succeeded or failed: then an abort comes too late. */
  private get ended(): boolean {
    return this.results.done + this.results.failed === this.fanOut.items.length;
  }

  private get halted(): boolean {
    return this.fanOut.signal.aborted || this.broken !== undefined;
  }

  /** Starts as many shards as may be active. */
  private advance(): void {
    const { fanOut, again } = this;
    const { length } = fanOut.items;
    while (!this.halted && this.active < fanOut.shard.concurrency && !this.yielding) {
      if (again.length === 0 && this.next === length) break;
      // The signal aborts as soon as the lease's own timer comes.
      if (!fanOut.mayStart()) break;
      if (++this.starts % STARTS_PER_TURN === 0) this.yield();
      const due = again.shift() ?? { index: this.next++, attempt: 1 };
      this.active++;
      void this.attempt(due.index, due.attempt);
    }
    if (this.active === 0 && (this.halted || this.ended)) this.settle();
  }

  private yield(): void {
    this.yielding = true;
    setImmediate(() => {
      this.yielding = false;
      this.advance();
    });
  }

  private async attempt(index: number, attempt: number): Promise<void> {
    const { fanOut, results } = this;
    let failure: { error: unknown } | undefined;
    try {
      const metrics = await fanOut.perform(index, attempt);
      this.keep(() => results.succeeded(metrics));
    } catch (error) {
      failure = { error };
    }
    this.active--;
    if (failure) this.failed(index, attempt, failure.error);
    fanOut.counted(results.done, results.failed);
    this.advance();
  }

  private failed(index: number, attempt: number, error: unknown): void {
    const { fanOut, results } = this;
    // It failed because it was told to end: the next attempt of the run has it again.
    if (this.halted) return;
    const { retries, backoff } = fanOut.shard;
    if (attempt > retries) return results.gaveUp(fanOut.items[index], index, attempt, error);
    const timer = this.clock.setTimer(
      () => {
        this.waits.delete(timer);
        this.again.push({ index, attempt: attempt + 1 });
        this.advance();
      },
      waitAfter(attempt, backoff),
    );
    this.waits.add(timer);
  }

  /** An error of the counting itself ends the fan-out. */
  private keep(count: () => void): void {
    try {
      count();
    } catch (error) {
      this.broken ??= { error };
    }
  }
}
