import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { type RunContext } from '../../../core/worker/run-context.js';
import { HealthHistoryRepository } from '../../health-checks/health-history.repository.js';

/** Rolls results up to minutes and hours, and drops what is old. Once in the cluster. */
@Injectable()
export class HealthHistoryWorker implements OnApplicationBootstrap {
  constructor(private readonly history: HealthHistoryRepository) {}

  /** There has to be a partition before the first result. */
  async onApplicationBootstrap(): Promise<void> {
    await this.history.maintain();
  }

  @Interval('health_history', '1m', { timeout: '5m', record: 'failures' })
  async run({ signal }: RunContext): Promise<void> {
    await this.history.maintain(signal);
  }
}
