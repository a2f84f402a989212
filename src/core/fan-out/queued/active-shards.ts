import { setMaxListeners } from 'node:events';

/** The active shards of a fan-out on this replica. They are told to end together, by one signal: one for each would cost a twentieth of a job. */
export class ActiveShards {
  readonly controller = new AbortController();
  readonly ends = new Set<Promise<unknown>>();
  /** When the server was last asked and said that the fan-out goes on, by the monotonic clock. */
  currentAt = -Infinity;

  constructor(
    readonly key: string,
    readonly runId: string,
  ) {
    // Each shard may listen, and Node warns of more than ten.
    setMaxListeners(0, this.controller.signal);
  }
}

/** The fan-outs that have active shards on this replica. */
export class ActiveFanOuts implements Iterable<ActiveShards> {
  private readonly all = new Set<ActiveShards>();

  [Symbol.iterator](): Iterator<ActiveShards> {
    return this.all[Symbol.iterator]();
  }

  /** Those that a shard which starts now belongs to: not of those that were told to end, whose signal would end it too. */
  toJoin(key: string, runId: string): ActiveShards {
    for (const active of this.all)
      if (active.key === key && active.runId === runId && !active.controller.signal.aborted) return active;
    return new ActiveShards(key, runId);
  }

  /** Counts a shard as active until it has ended. */
  async hold<T>(active: ActiveShards, shard: Promise<T>): Promise<T> {
    const ended = shard.catch(() => {});
    this.all.add(active);
    active.ends.add(ended);
    try {
      return await shard;
    } finally {
      active.ends.delete(ended);
      if (active.ends.size === 0) this.all.delete(active);
    }
  }

  /** Tells those of a fan-out, by default all, to end, and resolves when they have. */
  async end(reason: Error, of?: { readonly key: string; readonly runId: string }): Promise<void> {
    const told = [...this.all].filter(({ key, runId }) => !of || (key === of.key && runId === of.runId));
    for (const { controller } of told) controller.abort(reason);
    await this.ended(told);
  }

  /** Resolves when those that are active now, by default all, have ended. */
  async ended(those: Iterable<ActiveShards> = this.all): Promise<void> {
    await Promise.all([...those].flatMap(({ ends }) => [...ends]));
  }
}
