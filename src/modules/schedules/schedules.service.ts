import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type ByActor, storableActor } from '../../core/worker/actor.js';
import { type Cancellation, storableCancellation } from '../../core/worker/cancellation.js';
import { Clock } from '../../core/timing/clock.js';
import { type TransactionRunner } from '../../core/worker/run-context.js';
import { cutPage, type Page } from '../database/page.js';
import { count } from '../input/count.js';
import { InvalidInputError } from '../input/input.errors.js';
import { parseInput, shown } from '../input/input.js';
import { type Schedule, type ScheduleInput } from './schedule.js';
import { parseName, parseSchedule } from './schedule-input.js';
import { ScheduleChanges } from './schedule-changes.js';
import { ScheduleSlots } from './schedule-slots.js';
import { ScheduleNotRunningError, UnknownScheduleError } from './schedule.errors.js';
import { parseScheduleQuery, scheduleCursor, type ScheduleQuery } from './schedule-query.js';
import {
  type HandlerCounts,
  type NewSchedule,
  ScheduleStore,
  type Turn,
  type UpsertSummary,
} from './schedule.store.js';
import { StoreTime } from './store-time.js';
import { unreadableTiming } from './stored-json.js';

/** A transaction of the caller's. */
export interface InTransaction {
  /**
   * Runs SQL in a transaction on the database of the schedules: then the schedule and what else is written there come to be
   * together, or not at all.
   */
  manager?: TransactionRunner | undefined;
}

/** What `upsertMany` may be told beside. */
export interface UpsertManyOptions extends InTransaction {
  /** Ends it before the next one is read. */
  signal?: AbortSignal | undefined;
  /** Called after each statement: how many schedules have been read and are written, and what became of them. */
  onProgress?: ((done: number, summary: Readonly<UpsertSummary>) => void) | undefined;
  /** Called for each that cannot be, with its place from 0; it is left out. Without it the first one ends the call. */
  onInvalid?: ((error: InvalidInputError, index: number) => void) | undefined;
}

/** Who cancels a run, why, and which. */
export interface ScheduleCancellation extends Cancellation {
  /** Only the run of the claim with this token, `context.fencingToken`. Default: whichever is active. */
  readonly fencingToken?: number | undefined;
}

const tokenSchema = z.strictObject({ token: count(0).optional() });

/** Schedules that are written by one statement. */
const CHUNK = 1_000;

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
    const summary = await this.store.upsert([await this.checked(input, manager)], manager);
    this.changes.happened();
    return summary;
  }

  /**
   * The same for any number of schedules, a thousand by each statement: read from the source as they are written, so that a hundred
   * thousand need the memory of a thousand. Of one that is given twice the last counts.
   *
   * Without `manager` each thousand is written for good: when it ends in the middle, `onProgress` has told how far it came, and called again with
   * the same schedules it changes nothing of those that are there.
   * @throws InvalidInputError at the first that cannot be, unless there is `onInvalid`; the reason of the signal when it aborts
   */
  async upsertMany(
    inputs: Iterable<ScheduleInput> | AsyncIterable<ScheduleInput>,
    { manager, signal, onProgress, onInvalid }: UpsertManyOptions = {},
  ): Promise<UpsertSummary> {
    if (
      typeof inputs !== 'object' ||
      inputs === null ||
      !(Symbol.iterator in inputs || Symbol.asyncIterator in inputs)
    )
      throw new InvalidInputError('call of upsertMany', [
        `${shown(inputs)} is no list: give an array, or an iterable or async iterable of schedules`,
      ]);
    const total = { created: 0, changed: 0, unchanged: 0 };
    let chunk = new Map<string, NewSchedule>();
    let done = 0;
    let read = 0;
    const write = async (): Promise<void> => {
      signal?.throwIfAborted();
      const { created, changed, unchanged } = await this.store.upsert([...chunk.values()], manager);
      total.created += created;
      total.changed += changed;
      total.unchanged += unchanged;
      done = read;
      chunk = new Map();
      onProgress?.(done, total);
    };
    const invalid = (error: unknown): void => {
      if (!(error instanceof InvalidInputError)) throw error;
      if (!onInvalid) throw new InvalidInputError(`${error.what}, number ${read + 1},`, error.faults);
      onInvalid(error, read);
    };
    for await (const input of inputs) {
      signal?.throwIfAborted();
      try {
        const schedule = await this.checked(input, manager);
        chunk.set(JSON.stringify([schedule.handler, schedule.key]), schedule);
      } catch (error) {
        invalid(error);
      }
      read++;
      if (chunk.size >= CHUNK) await write();
    }
    if (chunk.size > 0) await write();
    this.changes.happened();
    return total;
  }

  /** Undefined when there is none. @throws InvalidInputError where no schedule can be called so, as the methods below */
  async get(handler: string, key: string, { manager }: InTransaction = {}): Promise<Schedule | undefined> {
    parseName(handler, key);
    return this.store.find(handler, key, manager);
  }

  /**
   * Removes it with its counts; runs that are recorded stay. A run that is active goes on to its end, and no other one follows.
   * @returns whether it was there
   */
  async remove(handler: string, key: string, { manager }: InTransaction = {}): Promise<boolean> {
    parseName(handler, key);
    return this.store.remove(handler, key, manager);
  }

  /** By handler and key, page by page. @throws InvalidInputError */
  async list(query: ScheduleQuery = {}): Promise<Page<Schedule>> {
    const filter = parseScheduleQuery(query);
    const found = await this.store.list({ ...filter, limit: filter.limit + 1 });
    return cutPage(found, filter.limit, scheduleCursor);
  }

  /** Each handler that has schedules, with counts of these. Reads all schedules: seconds where there are millions. */
  handlers(): Promise<HandlerCounts[]> {
    return this.store.handlers();
  }

  /**
   * No slot is run until it is resumed; slots of the pause count for nothing. A run that is active goes on, and `trigger` still works.
   * @throws UnknownScheduleError when there is none, or it has ended
   */
  async pause(handler: string, key: string, { manager }: InTransaction = {}): Promise<void> {
    parseName(handler, key);
    if (!(await this.store.pause(handler, key, manager))) throw new UnknownScheduleError(handler, key);
  }

  /** Ends a pause: its next slot is the first from now on. @throws UnknownScheduleError */
  async resume(handler: string, key: string, { manager }: InTransaction = {}): Promise<void> {
    const schedule = await this.existing(handler, key, manager);
    const turn = slotsOf(schedule).first(await this.time.current(manager));
    await this.store.resume(handler, key, turn, manager);
    this.changes.happened();
  }

  /**
   * Runs it once now, beside its slots, on one of the replicas; while its run is active, after that. Asked for again before it has begun, it
   * is one run.
   * @throws UnknownScheduleError
   */
  async trigger(
    handler: string,
    key: string,
    { actor, manager }: ByActor & InTransaction = {},
  ): Promise<void> {
    parseName(handler, key);
    const { actor: name } = storableActor({ actor });
    if (!(await this.store.trigger(handler, key, name, manager)))
      throw new UnknownScheduleError(handler, key);
    this.changes.happened();
  }

  /**
   * Ends its active run, on whichever replica that is, within about a second: its signal aborts, and its outcome is `cancelled`. It is not
   * tried again: the schedule goes on with its next slot, or ends when there is none. Also a run that has been claimed and has not started.
   * @throws UnknownScheduleError, ScheduleNotRunningError
   */
  async cancel(
    handler: string,
    key: string,
    { fencingToken, manager, ...cancellation }: ScheduleCancellation & InTransaction = {},
  ): Promise<void> {
    parseName(handler, key);
    const by = storableCancellation(cancellation);
    const { token } = parseInput('cancellation', tokenSchema, { token: fencingToken });
    const cancelled = await this.store.cancel(handler, key, by, token, manager);
    if (cancelled === undefined) throw new UnknownScheduleError(handler, key);
    if (!cancelled) throw new ScheduleNotRunningError(handler, key);
    this.changes.happened();
  }

  /**
   * When the next runs are to start, of a schedule that is stored or of one that is not yet. At most 1,000.
   * @throws InvalidInputError, UnknownScheduleError
   */
  async preview(schedule: ScheduleInput | { handler: string; key: string }, n = 10): Promise<Date[]> {
    const most = parseInput('preview', z.strictObject({ n: count(1, 1_000) }), { n }).n;
    const now = await this.time.current();
    if (!isName(schedule)) {
      const { timing, ...rest } = parseSchedule(schedule);
      return datesOf(new ScheduleSlots(rest, timing).upcoming(now, Math.min(most, timing.limit ?? most)));
    }
    const found = await this.existing(schedule.handler, schedule.key);
    const { timing, turns, slot, nextRun, state } = found;
    if (!slot || !nextRun || state === 'paused') return [];
    const slots = slotsOf(found);
    const left = Math.min(most, (timing.limit ?? Infinity) - turns);
    const rest = slots.upcomingAfter(Math.max(slot.getTime(), now), left - 1);
    return [nextRun, ...datesOf(rest)].slice(0, Math.max(0, left));
  }

  /** As it is written. @throws InvalidInputError */
  private async checked(input: ScheduleInput, manager?: TransactionRunner): Promise<NewSchedule> {
    const { timing, ...schedule } = parseSchedule(input);
    const turn = new ScheduleSlots(schedule, timing).first(await this.time.current(manager));
    const written = { ...schedule, timing: JSON.stringify(timing), turn };
    // One that has come to its end is given again at the next start of an application.
    if (turn || (await this.hasTiming(written, manager))) return written;
    throw new InvalidInputError(`schedule "${schedule.key}" of "${schedule.handler}"`, [
      'until: no slot comes before it: give a later one',
    ]);
  }

  private async hasTiming(
    { handler, key, timing }: NewSchedule,
    manager?: TransactionRunner,
  ): Promise<boolean> {
    return JSON.stringify((await this.store.find(handler, key, manager))?.timing) === timing;
  }

  private async existing(handler: string, key: string, manager?: TransactionRunner): Promise<Schedule> {
    const found = await this.get(handler, key, { manager });
    if (found) return found;
    throw new UnknownScheduleError(handler, key);
  }
}

/** @throws InvalidInputError when its timing cannot be used, such as a time zone that this machine does not know */
function slotsOf(schedule: Schedule): ScheduleSlots {
  try {
    if (typeof schedule.timing === 'string') throw new Error('it is no JSON');
    return new ScheduleSlots(schedule, schedule.timing);
  } catch (error) {
    throw new InvalidInputError(`schedule "${schedule.key}" of "${schedule.handler}"`, [
      unreadableTiming(schedule, error),
    ]);
  }
}

/** One that is stored is meant when nothing else is given. */
function isName(schedule: object): schedule is { handler: string; key: string } {
  if (typeof schedule !== 'object' || schedule === null) return false;
  const given = Object.entries(schedule).filter(([, value]) => value !== undefined);
  return given.length === 2 && given.every(([name]) => name === 'handler' || name === 'key');
}

function datesOf(turns: readonly Turn[]): Date[] {
  return turns.map(({ plannedAt }) => new Date(plannedAt));
}
