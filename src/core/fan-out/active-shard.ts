import { withMetric } from '../execution/run-metrics.js';
import { type RunContext, ShardContext, type TransactionRunner } from '../worker/run-context.js';
import { FanOutRefusedError } from './fan-out.errors.js';

/** The context of one attempt of a shard, over that of its run. */
export class ActiveShard extends ShardContext {
  /** What it reported by `metric`: by name, the last value. */
  metrics?: Record<string, number>;

  /**
   * @param run the run's context, or on another replica what is known of it
   * @param say shows a message with the run's progress
   */
  constructor(
    private readonly run: RunContext,
    readonly shard: string,
    readonly index: number,
    override readonly attempt: number,
    override readonly signal: AbortSignal,
    private readonly say: (message: unknown) => void,
  ) {
    super();
  }

  get worker() {
    return this.run.worker;
  }
  get runId() {
    return this.run.runId;
  }
  get slot() {
    return this.run.slot;
  }
  get trigger() {
    return this.run.trigger;
  }
  get actor() {
    return this.run.actor;
  }
  get scheduledAt() {
    return this.run.scheduledAt;
  }
  get startedAt() {
    return this.run.startedAt;
  }
  get payload() {
    return this.run.payload;
  }
  get logger() {
    return this.run.logger;
  }
  get fencingToken() {
    return this.run.fencingToken;
  }

  assertCurrent(manager: TransactionRunner): Promise<void> {
    return this.run.assertCurrent(manager);
  }

  get progress() {
    return (_done: number, _total?: number, message?: string): void => {
      if (message !== undefined) this.say(message);
    };
  }

  get metric() {
    return (name: string, value: number): void => {
      this.metrics = withMetric(this.metrics, name, value);
    };
  }

  /** Only the run itself fans out. */
  get distributesShards(): boolean {
    return false;
  }

  get fanOut() {
    return async (): Promise<never> => {
      throw new FanOutRefusedError(
        `The shard "${this.shard}" cannot fan out: collect the items in the run, and fan out there`,
      );
    };
  }
}
