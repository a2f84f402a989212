import { Logger } from '@nestjs/common';
import { messageOf } from '../../core/text/describe-error.js';
import { type Clock } from '../../core/timing/clock.js';
import { LockedSchedulesError } from './schedule.errors.js';
import { type ScheduleResult, type ScheduleStore } from './schedule.store.js';

/** Milliseconds in which results are gathered. */
const FLUSH_AFTER = 10;
const RETRY_AFTER = 1_000;
const LARGEST_BATCH = 1_000;

/**
 * Stores what claims come to, hundreds in one statement. While the store is away results wait: their leases are renewed no
 * longer than it is, and a result that comes too late is void. One whose row is locked by a transaction waits for the end of that.
 */
export class ResultWriter {
  private static readonly logger = new Logger('Schedules');
  private unsaved: ScheduleResult[] = [];
  private readonly locked: ScheduleResult[] = [];
  private retrying?: Promise<void>;
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
    while (this.writing ?? this.retrying) await (this.writing ?? this.retrying);
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
        await this.save(batch);
        if (this.failing) ResultWriter.logger.log('Results of schedules can be stored again');
        this.failing = false;
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

  private async save(batch: readonly ScheduleResult[]): Promise<void> {
    let locked: readonly ScheduleResult[] = [];
    try {
      await this.store.settle(batch);
    } catch (error) {
      if (!(error instanceof LockedSchedulesError)) throw error;
      locked = batch.filter(({ claim }) => error.locked.has(claim.token));
    }
    this.stored(batch.filter((result) => !locked.includes(result)));
    this.locked.push(...locked);
    if (locked.length > 0) this.retrying ??= this.saveLocked();
  }

  /** By themselves: no other result waits for them. */
  private async saveLocked(): Promise<void> {
    while (this.locked.length > 0) {
      await new Promise<void>((resolve) => this.clock.setTimer(resolve, FLUSH_AFTER));
      const batch = this.locked.splice(0, LARGEST_BATCH);
      await this.save(batch).catch(() => batch.forEach((result) => this.add(result)));
    }
    this.retrying = undefined;
  }

  private wait(ms: number): Promise<void> {
    if (this.ending) return Promise.resolve();
    return new Promise((resolve) => {
      this.hurry = resolve;
      this.clock.setTimer(resolve, ms);
    });
  }
}
