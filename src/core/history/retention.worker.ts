import { Inject, Injectable } from '@nestjs/common';
import { type Finding } from '../registry/worker-explorer.js';
import { Clock } from '../timing/clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type HistoryOptions } from './history.options.js';
import { InvalidRetentionError } from './history.errors.js';
import { type RetentionLimits, retentionLimits } from './retention.options.js';
import { RunStore } from './run.store.js';

/**
 * Deletes runs that `retention` does not keep, once an hour. A worker like any other: listed, recorded, overridden by
 * `options.workers`. It exists only for a store with `prune`, which the store in memory does not have.
 */
@Injectable()
export class RetentionWorker implements Worker {
  readonly name = 'workers_retention';
  readonly interval = '1h';
  readonly timeout = '30m';
  /** This worker does not keep the process alive. */
  readonly unref = true;
  private readonly limits: RetentionLimits | undefined;

  /** @throws InvalidRetentionError */
  constructor(
    @Inject(WORKER_OPTIONS) { retention, history }: Pick<HistoryOptions, 'retention' | 'history'>,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(RunStore) private readonly store: RunStore,
  ) {
    this.limits = retention === false ? undefined : retentionLimits(retention);
    if (retention && history && !history.prune)
      throw new InvalidRetentionError(
        `: ${history.constructor.name} cannot be pruned and bounds itself: leave the option out`,
      );
  }

  /** This worker for the scheduler to add, if the store has to be pruned. */
  workers(): Finding[] {
    if (!this.limits || !this.store.prune) return [];
    return [{ source: 'RetentionWorker.run', module: 'WorkerModule', worker: this }];
  }

  async run({ signal, progress }: RunContext): Promise<void> {
    const { maxAge, maxRuns } = this.limits!;
    const endedBefore = new Date(this.clock.now() - maxAge);
    let deleted = 0;
    for await (const count of this.store.prune!({ endedBefore, maxRuns })) {
      progress((deleted += count), undefined, 'runs deleted');
      signal.throwIfAborted();
    }
  }
}
