import { isRefusedForGood } from '../../outages/store-refused.error.js';
import { describeError } from '../../text/describe-error.js';
import { sleep } from '../../timing/timer.js';
import { type ShardFailure } from '../../worker/fan-out.js';
import { type FanOut, type FanOutOutcome, MOST_FAILURES } from '../fan-out.engine.js';
import { FanOutRefusedError } from '../fan-out.errors.js';
import { sumOf } from '../shard-results.js';
import { type ShardMetrics } from '../shard-runner.js';
import { shardIds } from './shard-ids.js';
import { type LedgerEntries, type ShardLedger } from './shard-ledger.js';

/** Shards that are added to the queue at once. */
const BATCH = 500;
/** Time between two looks at the counts, at first and after a while. Milliseconds. */
const LOOK_AFTER = 50;
const LOOK_AT_LEAST = 500;
/** The same when this replica has seen the last result, and the counts do not show it yet. */
const LOOK_AGAIN_AFTER = 10;
/** Wait after a call that failed. Milliseconds. */
const RETRY_AFTER = 500;
/** When the counts have not changed for this long, the queue is asked whether it has the missing jobs. Milliseconds. */
const MISSED_AFTER = 2_000;
/** Then jobs that are missing are added again without asking. Milliseconds. */
const ADDED_AGAIN_AFTER = 60_000;

/** A shard as a job of a queue. */
export interface QueuedShard {
  /** The shard's, over all attempts of the run. */
  readonly id: string;
  readonly key: string;
  /** Of the attempt of the run that it belongs to: a later one has jobs of its own. */
  readonly runId: string;
  readonly index: number;
  readonly item: unknown;
}

/** What a fan-out uses of its engine. */
export interface FanOutQueue {
  readonly ledger: ShardLedger;
  /** Adds jobs. One that is in the queue already is left as it is. */
  add(fanOut: FanOut, shards: readonly QueuedShard[]): Promise<void>;
  /** Number of jobs of this shard method that wait or are active, of all fan-outs. */
  size(fanOut: FanOut): Promise<number>;
  reached(error: unknown): void;
}

/** A fan-out whose shards are jobs of a queue, from the run's side. */
export class QueuedFanOut {
  private shards: readonly QueuedShard[] = [];
  private indexes: ReadonlyMap<string, number> = new Map();
  /** Entries of shards that this attempt of the run no longer has. */
  private others = 0;
  /** Entries that were counted last, and results of this replica since. */
  private counted = 0;
  private written = 0;
  private wake: () => void = () => {};

  constructor(
    private readonly fanOut: FanOut,
    private readonly queue: FanOutQueue,
  ) {}

  async run(): Promise<FanOutOutcome> {
    const { fanOut, queue } = this;
    const { key, items, run, signal } = fanOut;
    const ids = await shardIds(key, items);
    this.shards = ids.map((id, index) => ({ id, key, runId: run.runId, index, item: items[index] }));
    this.indexes = new Map(ids.map((id, index) => [id, index]));
    await this.answered(() => this.adopt());
    await this.answered(() => this.addMissing());
    const outcome = await this.outcome(await this.ended());
    signal.throwIfAborted();
    fanOut.counted(outcome.done, outcome.failed);
    await this.answered(() => queue.ledger.stop(key, run.runId));
    return outcome;
  }

  /** Called for each result that this replica has written: the last one ends the wait. */
  resulted(): void {
    if (this.counted + ++this.written >= this.shards.length) this.wake();
  }

  private async adopt(): Promise<void> {
    const { key, run } = this.fanOut;
    if (await this.queue.ledger.adopt(key, run)) return;
    throw new FanOutRefusedError(`A newer run of "${run.worker}" has made this fan-out its own`);
  }

  /** Adds the jobs of shards without a result. */
  private async addMissing(): Promise<void> {
    const { fanOut, queue } = this;
    const { done, failed } = await queue.ledger.entries(fanOut.key);
    const missing = this.shards.filter(({ id }) => !done.has(id) && !failed.has(id));
    this.others = done.size + failed.size - (this.shards.length - missing.length);
    fanOut.counted(this.shards.length - missing.length - this.failedOf(failed), this.failedOf(failed));
    for (let at = 0; at < missing.length; at += BATCH) {
      fanOut.signal.throwIfAborted();
      await this.answered(() => queue.add(fanOut, missing.slice(at, at + BATCH)));
    }
  }

  private failedOf(failed: ReadonlySet<string>): number {
    return [...failed].filter((id) => this.indexes.has(id)).length;
  }

  /** Resolves when every shard has a result. */
  private async ended(): Promise<LedgerEntries> {
    const { fanOut, queue } = this;
    let last = -1;
    let wait = LOOK_AFTER;
    let unchanged = 0;
    let asked = MISSED_AFTER;
    for (;;) {
      this.written = 0;
      const { done, failed, state } = await this.answered(() => queue.ledger.counts(fanOut.key));
      // The server has lost its data, or was emptied.
      if (!state || (state.stopped && state.runId === fanOut.run.runId)) {
        await this.answered(() => this.adopt());
        await this.answered(() => this.addMissing());
        continue;
      }
      if (state.runId !== fanOut.run.runId) await this.adopt();
      const ended = done + failed - this.others;
      this.counted = ended;
      const complete = ended >= this.shards.length && (await this.complete());
      if (complete) return complete;
      if (ended !== last) {
        fanOut.counted(Math.min(ended, this.shards.length) - failed, failed);
        [last, unchanged, asked] = [ended, 0, MISSED_AFTER];
      }
      await this.pause(wait);
      unchanged += wait;
      wait = Math.min(LOOK_AT_LEAST, wait * 1.5);
      if (unchanged < asked) continue;
      const missing = this.shards.length - ended;
      const again = unchanged >= ADDED_AGAIN_AFTER;
      if (again || (await this.answered(() => queue.size(fanOut))) < missing)
        await this.answered(() => this.addMissing());
      if (again) unchanged = 0;
      asked = unchanged + MISSED_AFTER;
    }
  }

  /** The entries, if they are those of all shards of this attempt, and not of some that it no longer has. */
  private async complete(): Promise<LedgerEntries | undefined> {
    const entries = await this.answered(() => this.queue.ledger.entries(this.fanOut.key));
    const { done, failed } = entries;
    const ended = this.shards.filter(({ id }) => done.has(id) || failed.has(id)).length;
    this.others = done.size + failed.size - ended;
    return ended === this.shards.length ? entries : undefined;
  }

  private async pause(ms: number): Promise<void> {
    const { signal } = this.fanOut;
    if (this.counted + this.written >= this.shards.length) ms = LOOK_AGAIN_AFTER;
    const woken = new AbortController();
    this.wake = () => woken.abort();
    await sleep(ms, AbortSignal.any([signal, woken.signal])).catch(() => signal.throwIfAborted());
  }

  private async outcome({ done, failed }: LedgerEntries): Promise<FanOutOutcome> {
    let metrics: ShardMetrics;
    let succeeded = 0;
    for (const { id } of this.shards) {
      if (!done.has(id)) continue;
      succeeded++;
      const own = done.get(id);
      if (own) metrics = sumOf(metrics, own);
    }
    const first = this.shards.filter(({ id }) => failed.has(id));
    const errors = await this.failures(first.slice(0, MOST_FAILURES));
    return { done: succeeded, failed: first.length, errors, metrics };
  }

  private async failures(shards: readonly QueuedShard[]): Promise<ShardFailure[]> {
    if (shards.length === 0) return [];
    const ids = shards.map(({ id }) => id);
    const known = await this.answered(() => this.queue.ledger.failures(this.fanOut.key, ids));
    return shards.map(({ id, item, index }) => {
      const { attempts = 1, error = describeError('unknown') } = known.get(id) ?? {};
      return { item, index, attempts, error };
    });
  }

  /**
   * Repeats a call until the server answers, or the run has to end.
   * @throws StoreRefusedError for what the server can never take
   */
  private async answered<T>(call: () => Promise<T>): Promise<T> {
    const { signal } = this.fanOut;
    for (;;) {
      signal.throwIfAborted();
      try {
        const answer = await unlessAborted(call(), signal);
        this.queue.reached(undefined);
        return answer;
      } catch (error) {
        if (signal.aborted || error instanceof FanOutRefusedError || isRefusedForGood(error)) throw error;
        this.queue.reached(error);
        await sleep(RETRY_AFTER, signal);
      }
    }
  }
}

/** A call that waits for its server must not keep the run from its end. */
export async function unlessAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort!: () => void;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([call, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    // It may fail when nobody waits for it any more.
    call.catch(() => {});
  }
}
