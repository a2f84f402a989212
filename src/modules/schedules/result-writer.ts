import { Logger } from '@nestjs/common';
import { messageOf } from '../../core/text/describe-error.js';
import { type Clock } from '../../core/timing/clock.js';
import { type ScheduleResult, type ScheduleStore } from './schedule.store.js';

/** Milliseconds in which results are gathered. */
const FLUSH_AFTER = 10;
const RETRY_AFTER = 1_000;
const LARGEST_BATCH = 1_000;

/**
 * Stores what claims come to, hundreds in one statement. While the store is away results wait: their leases are renewed no
 * longer than it is, and a result that comes too late is void.
 */
export class ResultWriter {
  private static readonly logger = new Logger('Schedules');
  private unsaved: ScheduleResult[] = [];
  private writing?: Promise<void>;
  private failing = false;
  private ending = false;
  private hurry?: () => void;

  /** @param stored called with results once they are stored, or were void */
  constructor(
    private readonly store: ScheduleStore,
    private readonly clock: Clock,
    private readonly stored: (results: readonly ScheduleResult[]) => void,
  ) {}

  add(result: ScheduleResult): void {
    this.unsaved.push(result);
    this.writing ??= this.write();
  }

  /** Resolves when all is stored, or, after `end`, could not be. */
  async flushed(): Promise<void> {
    while (this.writing) await this.writing;
  }

  /** The same, without gathering more. */
  hurried(): Promise<void> {
    this.hurry?.();
    return this.flushed();
  }

  /** From then on nothing is gathered, nor tried again. */
  end(): void {
    this.ending = true;
    this.hurry?.();
  }

  private async write(): Promise<void> {
    // Without a database there is nothing to save by it.
    if (this.store.shared) await this.wait(FLUSH_AFTER);
    else await undefined;
    while (this.unsaved.length > 0) {
      const batch = this.unsaved.splice(0, LARGEST_BATCH);
      try {
        await this.store.settle(batch);
        if (this.failing) ResultWriter.logger.log('Results of schedules can be stored again');
        this.failing = false;
        this.stored(batch);
      } catch (error) {
        this.unsaved.unshift(...batch);
        if (!this.failing)
          ResultWriter.logger.warn(`Results of schedules cannot be stored, they wait: ${messageOf(error)}`);
        this.failing = true;
        // What is left is run again by another replica.
        if (this.ending) break;
        await this.wait(RETRY_AFTER);
      }
    }
    this.writing = undefined;
  }

  private wait(ms: number): Promise<void> {
    if (this.ending) return Promise.resolve();
    return new Promise((resolve) => {
      this.hurry = resolve;
      this.clock.setTimer(resolve, ms);
    });
  }
}
