import { Logger, type LoggerService } from '@nestjs/common';
import { type Coordinator } from '../coordination/coordinator.js';
import { RunContext, type TransactionRunner } from '../worker/run-context.js';
import { type ShardRun } from './fan-out.engine.js';
import { FanOutRefusedError } from './fan-out.errors.js';

/** A run that is active on some replica, as its shards on others know it. */
export class RemoteRun extends RunContext {
  private ownLogger?: LoggerService;

  /** @param signal that of the shard */
  constructor(
    private readonly run: ShardRun,
    override readonly signal: AbortSignal,
    private readonly coordinator: Coordinator | undefined,
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
    return this.run.slot === undefined ? undefined : new Date(this.run.slot);
  }
  /** That of the shard is its own. */
  get attempt() {
    return 1;
  }
  get trigger() {
    return this.run.trigger;
  }
  get actor() {
    return this.run.actor;
  }
  get scheduledAt() {
    return new Date(this.run.scheduledAt);
  }
  get startedAt() {
    return new Date(this.run.startedAt);
  }
  get payload() {
    return this.run.payload;
  }
  get fencingToken() {
    return this.run.fencingToken;
  }
  get logger(): LoggerService {
    return (this.ownLogger ??= new Logger(this.run.worker));
  }

  async assertCurrent(manager: TransactionRunner): Promise<void> {
    const { worker, runId, fencingToken, fenced } = this.run;
    if (fenced && fencingToken !== undefined)
      await this.coordinator?.assertCurrent({ worker, runId, fencing: fencingToken }, manager);
  }

  get progress() {
    return (): void => {};
  }
  get metric() {
    return (): void => {};
  }
  get fanOut() {
    return async (): Promise<never> => {
      throw new FanOutRefusedError('Only a run can fan out');
    };
  }
}
