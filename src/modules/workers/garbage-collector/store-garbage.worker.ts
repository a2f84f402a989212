import { Inject, Injectable } from '@nestjs/common';
import { RunContext } from '../../../core/worker/run-context.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from './garbage-collector.options.js';
import { PassRunner } from './passes/pass-runner.js';

/** Runs the passes over the stores of this replica's providers. Every replica runs it: no other may reach these stores. */
@Injectable()
export class StoreGarbageCollector {
  constructor(
    @Inject(GARBAGE_COLLECTOR_SETTINGS) readonly settings: GarbageCollectorSettings,
    private readonly passes: PassRunner,
  ) {}

  /** One tick: each pass once, in order. */
  @Interval<StoreGarbageCollector>('gc_stores', (gc) => gc.settings.interval, {
    scope: 'replica',
    timeout: '1h',
  })
  async run(context: RunContext): Promise<void> {
    await this.passes.run('replica', context);
  }
}
