import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { Outages, type OutageState } from '../outages/outages.js';
import { isRefusedForGood, unlessRefused } from '../outages/store-refused.error.js';
import { messageOf } from '../text/describe-error.js';
import { atMost } from '../timing/at-most.js';
import { Clock, type Timer } from '../timing/clock.js';
import { inRootContext } from '../timing/root-context.js';
import { newestFirst } from './matches-query.js';
import { type KnownReplica, type Replica, thisReplica } from './replica.js';
import { RELEASE } from './release.js';
import { byId, type EndedRun, type Run } from './run.js';
import { type ReplicaQuery, type RunQuery, RunStore } from './run.store.js';
import { saveApart } from './save-apart.js';

/** Changes are collected for this many milliseconds and stored in one write: a run's start is stored within 100 ms. */
const FLUSH_AFTER = 50;
const RETRY_AFTER = 1_000;
const LARGEST_BATCH = 1_000;
const HEARTBEAT_EVERY = 2_000;
/** Several heartbeats, so that a replica with a blocked event loop or a slow write does not count as dead. */
const LOST_AFTER = 10_000;
const CLOSE_WITHIN = 5_000;
/** Runs buffered while the store cannot be reached. */
const LARGEST_BUFFER = 10_000;

/** Calls of the store whose failures are reported apart. */
type Operation = 'runs' | 'slots' | 'heartbeats';

/**
 * State of the history. `unreachable`: the store does not answer. `refused`: it refuses calls, for example because a
 * table is missing. In both cases runs are buffered and written when that is over.
 */
export interface HistoryStatus {
  state: OutageState;
  buffered: number;
  /** Number of runs without a record, because the buffer was full or the store refuses them in every form. */
  dropped: number;
}

/**
 * Stands between runs and the store: takes every change of a run at once, writes in batches, and never makes a run
 * wait. While the store is away, only what does not fit the buffer is lost.
 */
@Injectable()
export class RunRecorder {
  readonly replica: Replica;
  private readonly logger = new Logger('Workers');
  /** Runs with changes that are not stored, oldest first. */
  private unsaved = new Map<string, Run>();
  /** The batch that is being written. */
  private saving: readonly Run[] = [];
  /** Latest slots of workers whose runs are not kept. */
  private unnoted = new Map<string, Date>();
  private dropped = 0;
  /** Workers of which a run that could not be saved has been logged. */
  private readonly unsaveable = new Set<string>();
  private readonly outages: Outages<Operation>;
  private writing?: Promise<void>;
  private flushTimer?: Timer;
  private heartbeatTimer?: Timer;
  private onLost: (run: EndedRun) => void = () => {};
  /** From then on, failed writes are not retried: retries would keep the process alive for ever. */
  private closed = false;

  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(RunStore) private readonly store: RunStore,
    @Optional() @Inject(RELEASE) release?: string,
  ) {
    this.replica = thisReplica(clock.now(), release);
    this.outages = new Outages(clock, this.logger, {
      unreachable: (reason) => `Run history cannot be written, buffering: ${reason}`,
      reachable: () => `Run history can be written again, ${this.unsaved.size} runs are buffered`,
      refused: (operation, reason) => `Run history is refused by its store (${operation}): ${reason}`,
      accepted: (operation) => `Run history is accepted by its store again (${operation})`,
    });
  }

  /** Whether other replicas may write to the store, too. */
  get shared(): boolean {
    return this.store.heartbeat !== undefined;
  }

  /** Rejects when the store cannot be made ready. */
  async open(): Promise<void> {
    await this.store.open();
    await this.heartbeat();
  }

  /** Takes a run that started, changed or ended. The object is read later, when it is written. */
  record(run: Run): void {
    this.unsaved.set(run.id, run);
    if (this.unsaved.size > LARGEST_BUFFER) {
      this.unsaved.delete(this.unsaved.keys().next().value!);
      this.dropped++;
    }
    if (!this.flushTimer) this.flushIn(FLUSH_AFTER);
  }

  /** Keeps the latest slot of a worker without its run, for `lastSlots`. */
  noteSlot(worker: string, slot: Date): void {
    if (!this.store.noteSlots) return;
    this.unnoted.set(worker, slot);
    if (!this.flushTimer) this.flushIn(FLUSH_AFTER);
  }

  /**
   * Stores all that was recorded before the call. Rejects, losing nothing, when the store is away or in no state to
   * write.
   */
  async flush(): Promise<void> {
    // Writes must be serial: an older state of a run must never replace a newer one.
    await this.writing?.catch(() => {});
    if (this.unsaved.size === 0 && this.unnoted.size === 0) return;
    this.writing ??= inRootContext(() => this.writeAll()).finally(() => (this.writing = undefined));
    return this.writing;
  }

  /** Stored runs, including this replica's newest changes unless the store refuses them. */
  async find(query: RunQuery): Promise<Run[]> {
    await this.flush().catch(unlessRefused);
    return this.store.find(query);
  }

  /** Where to continue a search that found fewer runs than its limit; undefined when all were searched. */
  async searchedTo(query: RunQuery): Promise<Pick<Run, 'id' | 'startedAt'> | undefined> {
    return this.store.searchedTo?.(query);
  }

  /** The replicas that write to the store; only this one when the store is not shared. */
  async replicas(query: ReplicaQuery): Promise<KnownReplica[]> {
    if (this.store.replicas) return this.store.replicas(query);
    const own = query.id === undefined || query.id === this.replica.id;
    return own ? [{ ...this.replica, alive: true, seenAt: new Date(this.clock.now()) }] : [];
  }

  /**
   * The latest slot of each worker, or when the history first knew of the worker; no entry at that first time, or
   * when the store does not outlive the process. Never earlier than when the worker's schedule came into force.
   * @param timings by worker, its schedule as text
   */
  async lastSlots(
    workers: readonly string[],
    timings?: ReadonlyMap<string, string>,
  ): Promise<Map<string, Date>> {
    const now = new Date(this.clock.now());
    return (await this.store.lastSlots?.(workers, now, timings)) ?? new Map<string, Date>();
  }

  /** The newest stored runs of each of these workers, newest first, at most `count` per worker. */
  async lastRuns(workers: readonly string[], count: number): Promise<Map<string, Run[]>> {
    await this.flush().catch(unlessRefused);
    const { store } = this;
    const found = store.lastRuns
      ? await store.lastRuns(workers, count)
      : (await Promise.all(workers.map((worker) => store.find({ worker, limit: count })))).flat();
    const runs = new Map(workers.map((worker): [string, Run[]] => [worker, []]));
    for (const run of found.sort(newestFirst)) runs.get(run.worker)?.push(run);
    return runs;
  }

  /** @param listener called for each run that the store marks as lost, as its replica no longer sends heartbeats */
  whenLost(listener: (run: EndedRun) => void): void {
    this.onLost = listener;
  }

  status(): HistoryStatus {
    return {
      state: this.outages.state,
      buffered: this.unsaved.size,
      dropped: this.dropped,
    };
  }

  /** Writes the rest and closes the store. Never rejects: each step is given up after 5 s, or at the deadline. */
  async close(left: () => number = () => Infinity): Promise<void> {
    this.closed = true;
    this.heartbeatTimer?.cancel();
    await atMost(
      Math.min(CLOSE_WITHIN, left()),
      this.flush().catch(() => {}),
      this.clock,
    );
    // A batch that was sent may still be stored; its answer is no longer awaited.
    const unrecorded = byId([...this.saving, ...this.unsaved.values()]).size;
    if (unrecorded > 0) this.logger.error(`${unrecorded} runs could not be recorded before shutdown`);
    this.cancelFlush();
    const closed = this.store
      .close(this.replica)
      .catch((error: unknown) => this.outages.failed('heartbeats', error));
    await atMost(Math.min(CLOSE_WITHIN, left()), closed, this.clock);
  }

  private async writeAll(): Promise<void> {
    await this.write();
    await this.writeSlots();
  }

  private async writeSlots(): Promise<void> {
    if (this.unnoted.size === 0) return;
    this.cancelFlush();
    const slots = this.unnoted;
    this.unnoted = new Map();
    try {
      await this.noteAll(slots);
      this.outages.succeeded('slots');
    } catch (error) {
      this.unnoted = new Map([...slots, ...this.unnoted]);
      this.outages.failed('slots', error);
      this.flushIn(RETRY_AFTER);
      throw error;
    }
  }

  /** A worker whose name the store refuses must not cost the others their slots. */
  private async noteAll(slots: Map<string, Date>): Promise<void> {
    try {
      await this.store.noteSlots!(slots);
    } catch (error) {
      if (!isRefusedForGood(error)) throw error;
      if (slots.size === 1) return;
      for (const slot of slots) await this.noteAll(new Map([slot]));
    }
  }

  private async write(): Promise<void> {
    while (this.unsaved.size > 0) {
      this.cancelFlush();
      const rest = [...this.unsaved.values()];
      const batch = rest.splice(0, LARGEST_BATCH);
      this.unsaved = byId(rest);
      this.saving = batch;
      try {
        await this.save(batch);
        this.outages.succeeded('runs');
      } catch (error) {
        this.unsaved = byId([...batch, ...this.unsaved.values()]);
        this.outages.failed('runs', error);
        this.flushIn(RETRY_AFTER);
        throw error;
      } finally {
        this.saving = [];
      }
    }
  }

  private async save(batch: Run[]): Promise<void> {
    try {
      await this.store.save(batch);
    } catch (error) {
      if (!isRefusedForGood(error)) throw error;
      for (const { run, error: reason } of await saveApart(this.store, batch, error))
        this.giveUp(run, reason);
    }
  }

  /** Logged once per worker: all of its runs may be refused, for example for its name. */
  private giveUp(run: Run, reason: unknown): void {
    this.dropped++;
    if (this.unsaveable.has(run.worker)) return;
    this.unsaveable.add(run.worker);
    this.logger.error(
      `Run ${run.id} of "${run.worker}" is not recorded, as the store never takes it: ${messageOf(reason)}`,
    );
  }

  private flushIn(delay: number): void {
    this.cancelFlush();
    if (this.closed) return;
    const flush = (): void => void this.flush().catch(() => {});
    // A fake timer would be a pending timer of the test, which only expects those of its handlers.
    if (this.clock.fake && delay === FLUSH_AFTER) void Promise.resolve().then(flush);
    else this.flushTimer = this.clock.setTimer(flush, delay);
  }

  private cancelFlush(): void {
    this.flushTimer?.cancel();
    this.flushTimer = undefined;
  }

  private async heartbeat(): Promise<void> {
    if (!this.store.heartbeat) return;
    try {
      const lost = await this.store.heartbeat(this.replica, LOST_AFTER);
      this.outages.succeeded('heartbeats');
      for (const run of lost) {
        this.logger.warn(
          `Run ${run.id} of "${run.worker}" is lost: its replica ${run.replica} answers no more`,
        );
        this.onLost(run as EndedRun);
      }
    } catch (error) {
      this.outages.failed('heartbeats', error);
    }
    if (this.closed) return;
    // The heartbeat keeps no process alive: runs and waiting slots do.
    this.heartbeatTimer = this.clock.setTimer(() => void this.heartbeat(), HEARTBEAT_EVERY, true);
  }
}
