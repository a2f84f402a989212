import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Deadline } from '../../core/scheduler/drain.js';
import { ShutdownDeadline } from '../../core/scheduler/shutdown-deadline.js';
import { Clock, type Timer } from '../../core/timing/clock.js';
import { parseDuration } from '../../core/timing/duration.js';
import { inRootContext } from '../../core/timing/root-context.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { Interval } from '../../core/worker/interval.decorator.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { type LaneLimit } from '../database/due-queue.js';
import { HandlerLane } from './handler-lane.js';
import { HeldSchedule } from './held-schedule.js';
import { LeaseKeeper } from './lease-keeper.js';
import { ResultWriter } from './result-writer.js';
import { ScheduleCancellations } from './schedule-cancellations.js';
import { ScheduleChanges } from './schedule-changes.js';
import { ScheduleKeeper } from './schedule-keeper.js';
import { ScheduledHandlers } from './scheduled-handlers.js';
import { ScheduledRuns } from './scheduled-runs.js';
import { type ScheduleClaim, type ScheduleResult, ScheduleStore } from './schedule.store.js';
import { SCHEDULES_OPTIONS, type SchedulesOptions } from './schedules.options.js';
import { StoreTime } from './store-time.js';

/** Name of the worker that claims schedules on every replica. */
export const SCHEDULES_WORKER = 'schedules';

/** What other replicas write is found so soon. */
const LOOK_EVERY = '500ms';
/** Of a store of this process alone, whose changes are known at once. */
const LOOK_EVERY_ALONE = '1m';
/** What falls due until the answer to the next look is claimed ahead, so that it starts on time. Milliseconds. */
const HORIZON = 1_000;
/** Milliseconds that active runs get at a shutdown until their signals abort, and those that they get then. */
const DRAIN = 10_000;
const GRACE = 5_000;

/**
 * Runs stored schedules. Each look claims what is due or soon will be, of each handler as many as it has room for; a claimed one starts
 * when it is due, and its result is stored with hundreds of others. Every replica runs it.
 */
@Injectable()
export class ScheduleDispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly replica = randomUUID();
  private readonly lease: number;
  private readonly time: StoreTime;
  private readonly results: ResultWriter;
  private readonly leases: LeaseKeeper;
  private readonly keeper: ScheduleKeeper;
  private readonly cancellations: ScheduleCancellations;
  private readonly lanes = new Map<string, HandlerLane>();
  /** By token. */
  private readonly held = new Map<number, HeldSchedule>();
  private looking?: Promise<void>;
  private lookAgain = false;
  /** The last look left something behind for want of room. */
  private behind = false;
  private discovered = false;
  private stopping = false;
  private wake?: Timer;
  private onIdle?: () => void;

  constructor(
    @Inject(SCHEDULES_OPTIONS) { lease = '30s', keepEnded = '7d' }: SchedulesOptions,
    @Inject(ScheduleStore) private readonly store: ScheduleStore,
    private readonly handlers: ScheduledHandlers,
    private readonly runs: ScheduledRuns,
    @Inject(Clock) private readonly clock: Clock,
    private readonly shutdown: ShutdownDeadline,
    private readonly changes: ScheduleChanges,
  ) {
    this.lease = parseDuration(lease);
    this.time = new StoreTime(clock, store);
    const { replica } = this;
    this.keeper = new ScheduleKeeper(store, clock, {
      replica,
      lease: this.lease,
      keepEnded: parseDuration(keepEnded),
    });
    this.leases = new LeaseKeeper(store, clock, this.held, this.lease);
    this.cancellations = new ScheduleCancellations(store, clock, replica, this.held, (held, by) =>
      this.cancel(held, by),
    );
    this.results = new ResultWriter(store, clock, (results) => this.stored(results));
  }

  /** @throws InvalidWorkersError, which ends the start */
  onApplicationBootstrap(): void {
    this.discover();
  }

  /** Claims what is due, and arms what soon will be. */
  @Interval<ScheduleDispatcher>(
    SCHEDULES_WORKER,
    ({ store }) => (store.shared ? LOOK_EVERY : LOOK_EVERY_ALONE),
    {
      scope: 'replica',
      record: 'failures',
      runOnStart: true,
      timeout: '30s',
      description: 'Runs stored schedules',
    },
  )
  async tick(_context?: RunContext): Promise<void> {
    this.discover();
    await this.look();
    if (!this.stopping) await this.keeper.look([...this.lanes.keys()], this.time);
  }

  /** Something may be due. One look at a time; one that comes while another is active follows it. */
  look(): Promise<void> {
    if (this.stopping) return Promise.resolve();
    if (this.looking) {
      this.lookAgain = true;
      return this.looking;
    }
    return (this.looking = this.lookUntilDone());
  }

  /** Resolves when the results of runs that have ended are stored. */
  settled(): Promise<void> {
    return this.results.hurried();
  }

  /** The first tick may come before the bootstrap of this module: none of its handlers may be taken for unknown then. */
  private discover(): void {
    if (this.discovered) return;
    this.handlers.discover();
    this.discovered = true;
    for (const handler of this.handlers.all())
      this.lanes.set(handler.name, new HandlerLane(handler, this.clock, (held) => void this.start(held)));
    if (!this.store.shared) this.changes.listen(() => inRootContext(() => this.lookSoon()));
  }

  /** What fails is told by the next tick, which fails as well. */
  private lookSoon(): void {
    this.look().catch(() => {});
  }

  /** Gives back what has not started, and waits for what has. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake?.cancel();
    const deadline: Deadline = this.shutdown.begin();
    await deadline.bound(this.looking?.catch(() => {}) ?? Promise.resolve());
    for (const lane of this.lanes.values())
      for (const held of lane.clear()) this.finish(held, held.turn.givenBack());
    this.results.end();
    await deadline.bound(this.idle(), DRAIN);
    this.runs.abort([...this.held.values()]);
    await deadline.bound(this.idle(), GRACE);
    await deadline.bound(this.results.flushed());
    this.leases.stop();
  }

  /** Resolves when nothing is running, and every result is stored. */
  private async idle(): Promise<void> {
    while (this.held.size > 0) await new Promise<void>((resolve) => (this.onIdle = resolve));
    await this.results.flushed();
  }

  private async lookUntilDone(): Promise<void> {
    try {
      do {
        this.lookAgain = false;
        await this.cancellations.look();
        await this.claim();
        if (!this.store.shared && !this.stopping) await this.wakeForNext();
      } while ((this.lookAgain || (this.behind && this.limits().size > 0)) && !this.stopping);
    } finally {
      this.looking = undefined;
    }
  }

  private limits(): Map<string, LaneLimit> {
    return new Map(
      [...this.lanes].flatMap(([name, { room, handler }]) =>
        room > 0 ? [[name, { most: room, share: Math.min(room, handler.groupConcurrency) }] as const] : [],
      ),
    );
  }

  private async claim(): Promise<void> {
    const limits = this.limits();
    if (limits.size === 0) return;
    const asked = this.clock.monotonic();
    const { claims, now } = await this.store.claim({
      limits,
      without: [...this.lanes].flatMap(([handler, lane]) =>
        lane.fullGroups.map((group) => ({ handler, group })),
      ),
      horizon: this.store.shared ? HORIZON : 0,
      lease: this.lease,
      replica: this.replica,
    });
    this.time.hear(now.getTime(), asked);
    const counts = new Map<string, number>();
    for (const { handler } of claims) counts.set(handler, (counts.get(handler) ?? 0) + 1);
    inRootContext(() => {
      for (const claim of claims) this.arm(claim, asked, now);
    });
    // Of a handler with groups some of what was looked at may have been left: what is behind it may be of other groups.
    this.behind = [...counts].some(
      ([handler, count]) =>
        count >= limits.get(handler)!.most || this.lanes.get(handler)!.fullGroups.length > 0,
    );
    this.leases.keep();
  }

  private arm(claim: ScheduleClaim, asked: number, now: Date): void {
    const lane = this.lanes.get(claim.handler)!;
    const held = new HeldSchedule(claim, lane.handler, this.leases.trustedUntil(asked, claim, now));
    this.held.set(claim.token, held);
    lane.claimed(claim);
    const planned = claim.triggeredAt === null ? (claim.turn?.plannedAt ?? 0) : 0;
    const dueIn = planned - this.time.now();
    if (claim.cancelledBy) void this.giveUp(held, claim.cancelledBy);
    else if (this.stopping || dueIn > this.lease) this.finish(held, held.turn.givenBack());
    else lane.add(held, dueIn);
  }

  private cancel(held: HeldSchedule, by: Cancellation): void {
    if (held.execution) this.runs.cancel(held.execution, by);
    else if (this.lanes.get(held.claim.handler)!.drop(held)) void this.giveUp(held, by);
    else held.cancelledBy = by;
  }

  /** Its run does not start. */
  private async giveUp(held: HeldSchedule, by: Cancellation): Promise<void> {
    const now = this.time.now();
    const run = this.runs.cancelled(held, by, now);
    this.finish(held, await held.resultBy(this.time, () => held.turn.cancelled(run, now)));
  }

  private async start(held: HeldSchedule): Promise<void> {
    const lane = this.lanes.get(held.claim.handler)!;
    const result = await held.resultBy(this.time, () => this.resultOf(held));
    lane.left(held);
    this.finish(held, result);
  }

  /** Runs it. @returns undefined when another replica may have claimed it */
  private async resultOf(held: HeldSchedule): Promise<ScheduleResult | undefined> {
    const { turn, claim } = held;
    const now = this.time.now();
    let start = turn.start(now);
    if (!('slot' in start)) return start;
    if (held.suspect) {
      const attempt = await this.begin(claim);
      if (attempt === undefined) return undefined;
      if (start.slot === null || start.slot === claim.turn?.slot) start = { ...start, attempt };
    }
    if (this.clock.monotonic() >= held.leaseUntil) return undefined;
    const lost = turn.lost(start, now);
    if (lost) return lost;
    if (held.cancelledBy) return turn.cancelled(this.runs.cancelled(held, held.cancelledBy, now), now);
    const run = await this.runs.run(held, start, this.time);
    return turn.ended(start, run, this.time.now());
  }

  private async begin(claim: ScheduleClaim): Promise<number | undefined> {
    try {
      return await this.store.begin(claim);
    } catch {
      // The store is away: it is claimed again when its lease has ended.
      return undefined;
    }
  }

  private finish(held: HeldSchedule, result: ScheduleResult | undefined): void {
    if (result) this.results.add(result);
    else this.release(held.claim.token);
  }

  private stored(results: readonly ScheduleResult[]): void {
    for (const { claim } of results) this.release(claim.token);
    if (this.stopping) return;
    if (this.behind || !this.store.shared) this.lookSoon();
  }

  private release(token: number): void {
    const held = this.held.get(token);
    if (!held) return;
    this.held.delete(token);
    this.lanes.get(held.claim.handler)!.released(held.claim);
    if (this.held.size === 0) this.onIdle?.();
  }

  private async wakeForNext(): Promise<void> {
    const next = await this.store.nextDue([...this.lanes.keys()]);
    this.wake?.cancel();
    this.wake =
      next && this.clock.setTimer(() => this.lookSoon(), Math.max(0, next.getTime() - this.clock.now()));
  }
}
