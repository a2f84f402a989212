import {
  FanOutEngine,
  type FanOut,
  type FanOutHost,
  type FanOutOutcome,
} from '../../src/core/fan-out/fan-out.engine.js';
import { unlessAborted } from '../../src/core/fan-out/queued/queued-fan-out.js';
import { ShardResults } from '../../src/core/fan-out/shard-results.js';

/** Hands shards to this very application as an engine hands them to another replica: later, and as JSON. */
export class RelayEngine extends FanOutEngine {
  override readonly description = 'a relay of the test';
  /** Items of all shards that were handed out. */
  readonly items: unknown[] = [];
  /** Called before each shard. */
  before: (item: unknown) => Promise<void> | void = () => {};
  private host!: FanOutHost;

  async open(host: FanOutHost): Promise<void> {
    this.host = host;
  }

  async run({ shard, run, items, signal, counted }: FanOut): Promise<FanOutOutcome> {
    const results = new ShardResults();
    for (const [index, item] of items.entries()) {
      signal.throwIfAborted();
      this.items.push(item);
      const job = JSON.parse(JSON.stringify({ run, item, index, attempt: 1 })) as Parameters<
        FanOutHost['perform']
      >[1];
      try {
        await unlessAborted(Promise.resolve(this.before(item)), signal);
        results.succeeded(await this.host.perform(shard, job, signal));
      } catch (error) {
        signal.throwIfAborted();
        results.gaveUp(item, index, 1, error);
      }
      counted(results.done, results.failed);
    }
    return results.outcome;
  }

  /** As when its server cannot be reached. */
  lose(): void {
    this.host.reached(new Error('the engine is away'));
  }

  serve(): void {}
  async rest(): Promise<void> {}
  async forget(): Promise<void> {}
  async close(): Promise<void> {}
}
