import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RunContext } from '../../../core/worker/run-context.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from './garbage-collector.options.js';
import { PassRunner } from './passes/pass-runner.js';

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
    await this.passes.run('cluster', context);
  }
}
