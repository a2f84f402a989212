import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/timing/clock.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type Schedule, type ScheduleInput } from './schedule.js';
import { parseSchedule } from './schedule-input.js';
import { ScheduleChanges } from './schedule-changes.js';
import { ScheduleSlots } from './schedule-slots.js';
import { type NewSchedule, ScheduleStore, type UpsertSummary } from './schedule.store.js';
import { StoreTime } from './store-time.js';

/** A transaction of the caller's. */
export interface InTransaction {
  /**
   * Runs SQL in a transaction on the database of the schedules: then the schedule and what else is written there come to be
   * together, or not at all.
   */
  manager?: TransactionRunner | undefined;
}

/**
 * Stored schedules: what runs when, for any number of keys. Every process may write them; those with a handler run them.
 *
 * @publicApi
 * @example
 * await schedules.upsert({ handler: 'reminder', key: user.id, cron: '0 9 * * mon', timeZone: user.timeZone });
 */
@Injectable()
export class Schedules {
  private readonly time: StoreTime;

  constructor(
    private readonly store: ScheduleStore,
    private readonly changes: ScheduleChanges,
    @Inject(Clock) clock: Clock,
  ) {
    this.time = new StoreTime(clock, store);
  }

  /**
   * Creates the schedule, or changes it: there is one for each handler and key. The same definition again changes nothing. A new timing
   * takes effect from now on, a new payload with the next run.
   * @throws InvalidInputError naming every fault and where it is
   */
  async upsert(input: ScheduleInput, { manager }: InTransaction = {}): Promise<UpsertSummary> {
    const { timing, ...schedule } = parseSchedule(input);
    const turn = new ScheduleSlots(schedule, timing).first(await this.time.current());
    if (!turn)
      throw new InvalidInputError(`schedule "${schedule.key}" of "${schedule.handler}"`, [
        'until: no slot comes before it: give a later one',
      ]);
    const row: NewSchedule = { ...schedule, timing: JSON.stringify(timing), turn };
    const summary = await this.store.upsert([row], manager);
    this.changes.happened();
    return summary;
  }

  /** Undefined when there is none. */
  get(handler: string, key: string): Promise<Schedule | undefined> {
    return this.store.find(handler, key);
  }

  /**
   * Removes it with its counts; runs that are recorded stay. A run that is active goes on to its end, and no other one follows.
   * @returns whether it was there
   */
  remove(handler: string, key: string, { manager }: InTransaction = {}): Promise<boolean> {
    return this.store.remove(handler, key, manager);
  }
}
