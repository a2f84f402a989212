import { ScheduleChanges } from '../../../src/modules/schedules/schedule-changes.js';
import { type ScheduleInput } from '../../../src/modules/schedules/schedule.js';
import {
  ScheduleNotRunningError,
  UnknownScheduleError,
} from '../../../src/modules/schedules/schedule.errors.js';
import { type ScheduledContext } from '../../../src/modules/schedules/scheduled.decorator.js';
import { Schedules } from '../../../src/modules/schedules/schedules.service.js';
import { InvalidInputError } from '../../../src/modules/input/input.errors.js';
import { type Violation } from '../observer.js';
import { type SimulatedProcess } from '../process.js';
import { Random } from '../random.js';
import { pass } from '../run-plan.js';
import { StoreClock } from '../store-clock.js';
import { instant, Trace } from '../trace.js';
import { FAIR, LATEST, TIMEOUT, type Weather } from '../wire.js';
import { World } from '../world.js';
import { MemoryModel, type StoreModel } from './models.js';
import { clockOf, ObservedStore } from './observed-store.js';
import { ScheduleObserver } from './observer.js';
import { type HandlerPlan, type Plan, planOf, scheduleInput, type Trouble } from './plan.js';
import { ScheduleReplica, type Surroundings } from './replica.js';

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly trace: readonly string[];
  /** Simulated milliseconds. */
  readonly time: number;
  readonly completions: number;
}

const LONGEST_RUN = 15_000;
/** In fair weather: two looks, and what these wait for. */
const HEARD_WITHIN = 1_200;
/** When all is well: what is due is run so soon. */
const SOON = 5_000;

/** What people are told who come too late. */
const EXPECTED = [UnknownScheduleError, ScheduleNotRunningError, InvalidInputError];

const inMemory: StoreModel = (clock) => new MemoryModel(clock);

/** Runs the world that a seed stands for, until a promise is broken or all has become quiet. */
export async function simulateSchedules(
  seed: number,
  { trace = false, model = inMemory }: { trace?: boolean; model?: StoreModel } = {},
): Promise<Result> {
  return new Simulation(seed, trace, model).run();
}

class Simulation implements Surroundings {
  readonly world = new World();
  readonly random: Random;
  readonly store: ObservedStore;
  readonly trace: Trace;
  private readonly time = new StoreClock(this.world);
  private readonly plan: Plan;
  private readonly observer: ScheduleObserver;
  /** People, who are heard at once. */
  private readonly schedules: Schedules;
  private replicas: ScheduleReplica[] = [];
  private started = 0;
  private version = 0;
  private calm = false;
  private storeDownUntil = -Infinity;

  constructor(
    private readonly seed: number,
    tracing: boolean,
    model: StoreModel,
  ) {
    this.random = new Random(seed);
    this.plan = planOf(this.random);
    this.trace = new Trace(tracing, () => this.time.now());
    this.observer = new ScheduleObserver(this.world, this.time, this.trace, this.plan.lease);
    this.store = new ObservedStore(model, this.time, this.world, this.observer, this.trace);
    this.schedules = new Schedules(this.store, new ScheduleChanges(), clockOf(this.time));
  }

  async run(): Promise<Result> {
    const { plan, world, trace } = this;
    trace.note('plan', () => JSON.stringify({ ...plan, troubles: plan.troubles.length }));
    const thrown = (error: unknown): void =>
      this.violate(`unhandled: ${(error as Error).stack ?? String(error)}`);
    process.on('unhandledRejection', thrown);
    try {
      for (const input of plan.schedules) await this.write(input);
      for (let i = 0; i < plan.replicas; i++)
        world.at(this.random.between(0, i === 0 ? 0 : 3_000), () => this.join());
      for (const trouble of plan.troubles) world.at(trouble.at, () => this.happen(trouble));
      await world.run(plan.trouble);
      this.settleDown();
      // What is under way has come to its end, and what was claimed in vain is free again.
      await world.run(world.now + LATEST + LONGEST_RUN + 2 * plan.lease + this.time.jumpedBack + 60_000);
      this.allIsDone();
    } catch (error) {
      thrown(error);
    } finally {
      process.off('unhandledRejection', thrown);
    }
    const { violation, completions } = this.observer;
    return { seed: this.seed, violation, trace: trace.lines, time: world.now, completions };
  }

  weather(): Weather {
    return this.calm ? FAIR : this.plan.weather;
  }

  violate(what: string): void {
    this.observer.violate(what);
  }

  resumed(): void {
    this.observer.overlaps();
  }

  leaves(): void {}

  gone(replica: SimulatedProcess): void {
    this.observer.gone(replica);
    this.replicas = this.replicas.filter((other) => other !== replica);
    if (!this.calm && this.random.chance(0.75))
      this.world.in(this.random.exponential(4_000), () => {
        if (!this.calm) this.join();
      });
    else if (this.calm) this.world.in(1_000, () => this.populate());
  }

  /** What a run does. */
  async work(handler: HandlerPlan, context: ScheduledContext, replica: ScheduleReplica): Promise<void> {
    const { random, observer } = this;
    const { runs } = handler;
    const running = observer.began(replica, context, handler, this.store.row(context.worker, context.key));
    const length = this.calm ? random.between(1, 100) : Math.min(LONGEST_RUN, random.exponential(runs.mean));
    const deaf = !this.calm && random.chance(runs.deaf);
    const fails = !this.calm && random.chance(runs.fails);
    let how = 'is cut off in';
    try {
      if (length > 0) await pass(replica.clock, context.signal, length, { deaf, abort: runs.abort });
      if (random.chance(0.3)) await context.assertCurrent({ query: () => Promise.resolve() });
      if (fails) throw new Error('as told');
      how = 'ends';
    } catch (error) {
      how = `fails (${(error as Error).name})`;
      throw error;
    } finally {
      observer.ended(running, how);
    }
  }

  private join(): void {
    const { plan } = this;
    if (this.replicas.length > plan.replicas + 1) return;
    const label = `r${++this.started}`;
    this.trace.note(label, () => `starts, version ${this.version}`);
    this.replicas.push(new ScheduleReplica(label, this.version, plan, plan.pace(), this));
  }

  private happen({ what }: Trouble): void {
    if (this.calm) return;
    const { random, world, plan, trace, store, time } = this;
    const replica = this.replicas.length > 0 ? random.pick(this.replicas) : undefined;
    const { handler, key } = random.pick(plan.schedules);
    switch (what) {
      case 'crash':
        return replica?.crash('suddenly');
      case 'freeze':
        return replica?.freeze(random.exponential(random.pick([500, 2 * plan.lease])));
      case 'drain':
        return replica?.drain();
      case 'down': {
        const ms = random.exponential(random.pick([1_000, 10_000]));
        trace.note('store', () => `is down for ${Math.round(ms)} ms`);
        store.down = true;
        this.storeDownUntil = world.now + ms;
        world.in(ms, () => {
          store.down = false;
          trace.note('store', () => 'is up again');
        });
        return;
      }
      case 'jump': {
        const ms = random.between(-plan.jump, plan.jump);
        trace.note('store', () => `clock jumps by ${Math.round(ms)} ms`);
        return time.jump(ms);
      }
      case 'wall':
        return replica?.clock.setWall(random.between(-3_600_000, 3_600_000));
      case 'join':
        return this.join();
      case 'deploy':
        this.version = 1;
        for (const old of this.replicas) world.in(random.between(0, 3_000), () => old.drain());
        return this.join();
      case 'write':
        return this.people(what, () => this.write(random.pick(plan.schedules)));
      case 'change':
        return this.people(`${what} ${key}`, () => this.write(scheduleInput(handler, key, random)));
      case 'remove':
        return this.people(`${what} ${key}`, () => this.schedules.remove(handler, key));
      case 'cancel': {
        const claimed = this.store.all().filter((row) => row.claimed);
        const row = claimed.length > 0 ? random.pick(claimed) : { handler, key };
        return this.people(`${what} ${row.key}`, () => this.cancel(row.handler, row.key));
      }
      case 'trigger':
      case 'pause':
      case 'resume':
        return this.people(`${what} ${key}`, () => this.schedules[what](handler, key));
    }
  }

  private people(what: string, action: () => Promise<unknown>): void {
    this.trace.note('people', () => what);
    void action().catch((error: unknown) => {
      if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    });
  }

  private async cancel(handler: string, key: string): Promise<void> {
    await this.schedules.cancel(handler, key, { reason: 'enough' });
    const { token } = this.store.row(handler, key)!;
    const asked = this.world.now;
    this.world.in(HEARD_WITHIN, () => {
      const run = this.observer.active(token);
      const replica = this.replicas.find((other) => other === run?.process);
      if (!run || !replica || replica.draining || replica.paused || replica.undisturbed > asked) return;
      // Who asked while the store was down may wait for that answer still.
      if (this.plan.weather !== FAIR || this.storeDownUntil + TIMEOUT > asked) return;
      if (!run.context.signal.aborted)
        this.violate(
          `${key}: token ${token} was cancelled ${HEARD_WITHIN} ms ago, and its run has not heard of it`,
        );
    });
  }

  private async write(input: ScheduleInput): Promise<void> {
    try {
      await this.schedules.upsert(input);
    } catch (error) {
      // Its last slot has passed.
      if (!(error instanceof InvalidInputError)) throw error;
    }
  }

  /** From here on nothing goes wrong. */
  private settleDown(): void {
    this.calm = true;
    this.version = 1;
    this.store.down = false;
    this.trace.note('calm', () => 'from here on nothing goes wrong');
    for (const replica of this.replicas) replica.thaw();
    for (const replica of [...this.replicas]) if (replica.version !== this.version) replica.drain();
    this.populate();
    for (const { handler, key, pausedAt } of this.store.all())
      if (pausedAt !== null) this.people(`resume ${key}`, () => this.schedules.resume(handler, key));
  }

  private populate(): void {
    if (this.replicas.every(({ draining }) => draining)) this.join();
  }

  /** Nothing that is due waits, and what had an end has ended. */
  private allIsDone(): void {
    if (this.observer.violation) return;
    const now = this.time.now();
    for (const row of this.store.all()) {
      const { key, due, claimed, triggeredAt, turn, endedAt, turns } = row;
      const { limit, at } = JSON.parse(row.timing) as { limit?: number; at?: number };
      if (due !== null && due < now - SOON && !claimed)
        this.violate(`${key}: due at ${instant(due)}, and not claimed at ${instant(now)}`);
      if (claimed && due! < now - SOON)
        this.violate(`${key}: its lease ended at ${instant(due!)}, and nobody has claimed it`);
      if (triggeredAt !== null && triggeredAt < now - SOON)
        this.violate(`${key}: a run by hand was asked for at ${instant(triggeredAt)}, and has not ended`);
      if ((turn === null) !== (endedAt !== null)) this.violate(`${key}: it has ended, and has a turn`);
      if (limit !== undefined && turns > limit)
        this.violate(`${key}: ${turns} slots were run, and the limit is ${limit}`);
      if (at !== undefined && at < now - SOON && turn !== null && turn.plannedAt < now - SOON)
        this.violate(`${key}: its instant has passed, and it has not ended`);
    }
  }
}
