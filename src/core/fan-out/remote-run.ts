import { Logger, type LoggerService } from '@nestjs/common';
import { type Coordinator } from '../coordination/coordinator.js';
import { ConveyedRunContext } from '../worker/conveyed-run.js';
import { type TransactionRunner } from '../worker/run-context.js';
import { type ShardRun } from './fan-out.engine.js';
import { FanOutRefusedError } from './fan-out.errors.js';

/** A run that is active on some replica, as its shards on others know it. */
export class RemoteRun extends ConveyedRunContext {
  private ownLogger?: LoggerService;

  /** @param signal that of the shard */
  constructor(
    protected override readonly run: ShardRun,
    override readonly signal: AbortSignal,
    private readonly coordinator: Coordinator | undefined,
  ) {
    super(run);
  }

  /** That of the shard is its own. */
  get attempt() {
    return 1;
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
