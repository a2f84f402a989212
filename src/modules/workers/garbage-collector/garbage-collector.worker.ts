import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RunContext, ShardContext } from '../../../core/worker/run-context.js';
import { Shard } from '../../../core/worker/shard.decorator.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from './garbage-collector.options.js';
import { type GarbageBatch, PassRunner } from './passes/pass-runner.js';

/** On each replica. As many statements keep two cores of a database busy, and leave half of the default pool to others. */
const BATCHES_AT_ONCE = 4;

/**
 * Removes what nothing needs any more, pass by pass (`GarbagePass`): first instances whose workload or tenant is gone, then
 * what belonged to tenants, workloads, domains and instances, then what is kept for a number or a time only. It is the
 * backstop: normally whatever deletes something also deletes what belongs to it.
 */
@Injectable()
export class GarbageCollector implements OnApplicationBootstrap {
  constructor(
    @Inject(GARBAGE_COLLECTOR_SETTINGS) readonly settings: GarbageCollectorSettings,
    private readonly passes: PassRunner,
  ) {}

  onApplicationBootstrap(): void {
    this.passes.checkSkipped();
  }

  /** One tick: each pass once, in order. */
  @Interval<GarbageCollector>('gc', (gc) => gc.settings.interval, { timeout: '1h' })
  async run(context: RunContext): Promise<void> {
    await this.passes.run('cluster', context, this.removeBatch);
  }

  /** Removes some of what a run has found, on any replica: where the application has an engine for shards. */
  @Shard({ name: 'gc.remove_batch', concurrency: BATCHES_AT_ONCE })
  async removeBatch(batch: GarbageBatch, context: ShardContext): Promise<void> {
    await this.passes.removeBatch(batch, context);
  }
}
