import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { startTimer, type Timer } from '../../../core/timing/timer.js';

/** Runs `reconciler` again soon, while something is in progress. */
@Injectable()
export class ReconcilerWake implements OnModuleDestroy {
  private readonly logger = new Logger('Reconciler');
  private timer?: Timer;
  private ended = false;

  constructor(private readonly scheduler: Scheduler) {}

  onModuleDestroy(): void {
    this.ended = true;
    this.timer?.cancel();
  }

  /** In this many milliseconds. */
  in(wait: number): void {
    if (this.ended) return;
    this.timer?.cancel();
    this.timer = startTimer(() => void this.run(), wait, true);
  }

  private async run(): Promise<void> {
    try {
      const { ended } = await this.scheduler.trigger('reconciler');
      void ended.catch(() => undefined);
    } catch (error) {
      this.logger.debug(`Not run at once: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
