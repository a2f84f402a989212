import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Scheduler } from '../../../core/scheduler/scheduler.js';

/** Runs `reconciler` again soon, while something is on its way. */
@Injectable()
export class ReconcilerWake implements OnModuleDestroy {
  private readonly logger = new Logger('Reconciler');
  private timer?: NodeJS.Timeout;
  private ended = false;

  constructor(private readonly scheduler: Scheduler) {}

  onModuleDestroy(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  /** In this many milliseconds. */
  in(wait: number): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(), wait).unref();
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
