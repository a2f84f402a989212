import { type WorkerRecord } from '../../src/core/coordination/worker-record.js';
import { readTiming } from '../../src/core/registry/stored-timing.js';
import {
  RunDroppedError,
  RunUnknownError,
  SchedulerStoppedError,
  WorkerBusyError,
} from '../../src/core/scheduler/scheduler.errors.js';
import { type RunHandle } from '../../src/core/scheduler/run-handle.js';
import { type RunContext } from '../../src/core/worker/run-context.js';
import { type Worker } from '../../src/core/worker/worker.js';
import { FAIR, LATEST, type Weather } from './wire.js';
import { Ledger, Observer, type Violation } from './observer.js';
import { EVENT, type Plan, planOf, type Trouble, type WorkerPlan } from './plan.js';
import { Random } from './random.js';
import { Replica, type Surroundings } from './replica.js';
import { pass } from './run-plan.js';
import { type Model, sound, Store } from './store.js';
import { StoreClock } from './store-clock.js';
import { instant, Trace } from './trace.js';
import { World } from './world.js';

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly trace: readonly string[];
  /** Simulated milliseconds. */
  readonly time: number;
  readonly grants: number;
  readonly events: number;
  readonly completions: number;
}

/** After what it takes for anything to be noticed. Milliseconds. */
const GRACE = 5_000;
/** When a run without a lease of which nothing is heard counts as dropped. */
const SILENT_AFTER = 15_000;
const LONGEST_RUN = 25_000;

/** Runs the world that a seed stands for, until a promise is broken or all has become quiet. */
export async function simulate(seed: number, { trace = false, model = sound } = {}): Promise<Result> {
  return new Simulation(seed, trace, model).run();
}

class Simulation implements Surroundings {
  readonly world = new World();
  readonly random: Random;
  readonly store: Store;
  readonly trace: Trace;
  private readonly time = new StoreClock(this.world);
  private readonly plan: Plan;
  private readonly observer: Observer;
  private replicas: Replica[] = [];
  private started = 0;
  private version = 0;
  private calm = false;
  /** In fair weather it is calm from the beginning. */
  private calmAt = -Infinity;
  /** When the last of the runs that began ends at the latest, true time. */
  private busyUntil = 0;
  private events = 0;
  private readonly waiting = new Set<{ replica: Replica; worker: string; id: string }>();
  private readonly dropped: { worker: string; id: string }[] = [];

  constructor(
    private readonly seed: number,
    tracing: boolean,
    model: Model,
  ) {
    this.random = new Random(seed);
    this.plan = planOf(this.random);
    this.trace = new Trace(tracing, () => this.time.now());
    this.observer = new Observer(this.world, this.time, this.trace, this.plan.lease);
    this.store = new Store(this.world, this.time, this.observer, this.trace, this.random, model);
    for (const { name, overlap } of this.plan.workers) this.observer.ledgers.set(name, new Ledger(overlap));
  }

  async run(): Promise<Result> {
    const { plan, world, trace } = this;
    trace.note('plan', () => JSON.stringify({ ...plan, troubles: plan.troubles.length }));
    const thrown = (error: unknown): void =>
      this.violate(`unhandled: ${(error as Error).stack ?? String(error)}`);
    process.on('unhandledRejection', thrown);
    try {
      for (let i = 0; i < plan.replicas; i++)
        world.at(this.random.between(0, i === 0 ? 0 : 3_000), () => this.join());
      for (const trouble of plan.troubles) world.at(trouble.at, () => this.happen(trouble));
      await world.run(plan.trouble);
      this.settleDown();
      await world.run(this.settledBy());
      await this.watchCalm();
    } catch (error) {
      thrown(error);
    } finally {
      process.off('unhandledRejection', thrown);
    }
    const ledgers = [...this.observer.ledgers.values()];
    return {
      seed: this.seed,
      violation: this.observer.violation,
      trace: trace.lines,
      time: world.now,
      events: world.happened,
      grants: ledgers.reduce((sum, { grants }) => sum + grants, 0),
      completions: ledgers.reduce((sum, { completions }) => sum + completions, 0),
    };
  }

  weather(): Weather {
    return this.calm ? FAIR : this.plan.weather;
  }

  violate(what: string): void {
    this.observer.violate(what);
  }

  resumed(): void {
    for (const name of this.observer.ledgers.keys()) this.observer.overlaps(name);
  }

  leaves(replica: Replica): void {
    for (const { replica: host, worker, id } of this.waiting)
      if (host === replica)
        this.violate(`${replica.label} leaves who waits for ${this.trace.alias('run', id)} of ${worker}`);
  }

  gone(replica: Replica): void {
    this.observer.gone(replica);
    this.replicas = this.replicas.filter((other) => other !== replica);
    for (const waiting of this.waiting) if (waiting.replica === replica) this.waiting.delete(waiting);
    if (!this.calm && this.random.chance(0.75))
      this.world.in(this.random.exponential(4_000), () => {
        if (!this.calm) this.join();
      });
    else if (this.calm) this.world.in(1_000, () => this.populate());
  }

  /** Since when some replica has been able to claim what is due. */
  private healthySince(): number {
    const { plan, calm, time, store } = this;
    if ((!calm && plan.weather !== FAIR) || plan.maxConcurrentRuns !== undefined) return Infinity;
    const able = this.replicas.filter(
      ({ ready, paused, draining, label }) => ready && !paused && !draining && !(plan.api && label === 'r1'),
    );
    const since = Math.min(...able.map(({ undisturbed }) => undisturbed));
    return Math.max(since + 1_000, this.calmAt + LATEST, time.jumpedAt, store.upSince);
  }

  private join(version = this.version): void {
    const { plan } = this;
    if (this.replicas.length > plan.replicas + 1) return;
    const label = `r${++this.started}`;
    const api = plan.api && this.started === 1;
    const replica: Replica = new Replica(
      label,
      version,
      plan.workers.map((worker) => this.worker(worker, version, () => replica)),
      {
        lease: plan.lease,
        drain: plan.drain,
        ...(plan.maxConcurrentRuns !== undefined && { maxConcurrentRuns: plan.maxConcurrentRuns }),
        ...(api && { run: false }),
      },
      plan.pace(),
      this,
    );
    this.replicas.push(replica);
    this.trace.note(label, () => `starts, version ${version}${api ? ', runs nothing' : ''}`);
  }

  private worker(plan: WorkerPlan, version: number, host: () => Replica): Worker {
    return {
      ...plan.versions[version]!,
      name: plan.name,
      run: (context) => this.work(plan, context, host()),
    };
  }

  /** What a run does. */
  private async work({ runs }: WorkerPlan, context: RunContext, replica: Replica): Promise<void> {
    const { random, observer } = this;
    const running = observer.began(replica, context);
    const length = this.calm ? random.between(1, 100) : Math.min(LONGEST_RUN, random.exponential(runs.mean));
    const deaf = !this.calm && random.chance(runs.deaf);
    const fails = !this.calm && random.chance(runs.fails);
    this.busyUntil = Math.max(this.busyUntil, this.world.now + 1.1 * length + runs.abort);
    let how = 'is cut off in';
    try {
      if (length > 0) {
        await pass(replica.clock, context.signal, length / 2, { deaf, abort: runs.abort });
        context.progress(1, 2);
        await pass(replica.clock, context.signal, length / 2, { deaf, abort: runs.abort });
      }
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

  private happen({ what }: Trouble): void {
    if (this.calm) return;
    const { random, world, plan, trace, store, time } = this;
    const replica = this.replicas.length > 0 ? random.pick(this.replicas) : undefined;
    const { name } = random.pick(plan.workers);
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
        world.in(ms, () => {
          store.down = false;
          store.upSince = world.now;
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
      case 'trigger':
        return replica?.enter(() => void this.trigger(replica, name));
      case 'event': {
        const id = `event ${++this.events}`;
        for (const hears of this.replicas)
          if (random.chance(0.8)) world.in(random.exponential(50), () => hears.hear({ type: EVENT, id }));
        return;
      }
      case 'pause':
      case 'resume':
        return this.control(replica, (scheduler) => scheduler[what](name));
      case 'reschedule': {
        const interval = random.pick([1_000, 3_000, 7_000]);
        return this.control(replica, (scheduler) => scheduler.reschedule(name, interval));
      }
      case 'deploy':
        return this.deploy();
      case 'join':
        return this.join();
    }
  }

  private async trigger(replica: Replica, worker: string): Promise<void> {
    let handle: RunHandle;
    // A call from before the calm, whose answer is lost, may be what this one waits for.
    const calm = this.calm && this.world.now >= this.calmAt + LATEST;
    try {
      handle = await replica.scheduler.trigger(worker, { from: replica.label });
    } catch (error) {
      const expected = error instanceof WorkerBusyError || error instanceof SchedulerStoppedError;
      if (!expected && calm) this.violate(`trigger of ${worker} threw ${String(error)}`);
      return;
    }
    const waiting = { replica, worker, id: handle.runId };
    this.waiting.add(waiting);
    const settled = (how: string) => {
      this.trace.note(replica.label, () => `hears of ${this.trace.alias('run', handle.runId)}: ${how}`);
      this.waiting.delete(waiting);
    };
    handle.ended.then(
      ({ outcome }) => settled(outcome),
      (error: unknown) => {
        settled((error as Error).name);
        if (error instanceof RunUnknownError && replica.draining) return;
        if (!(error instanceof RunDroppedError))
          this.violate(`a handle of ${worker} rejected: ${String(error)}`);
        // One that had begun is lost, which its replica does not know yet.
        else if (!this.observer.ledger(worker).begunRequests.has(handle.runId))
          this.dropped.push({ worker, id: handle.runId });
      },
    );
  }

  private control(
    replica: Replica | undefined,
    change: (scheduler: Replica['scheduler']) => Promise<void>,
  ): void {
    replica?.enter(() => void change(replica.scheduler).catch(() => {}));
  }

  /** One after the other is replaced by the next version. */
  private deploy(): void {
    this.version = 1;
    const old = [...this.replicas];
    this.trace.note('people', () => 'deploy version 1');
    let delay = 0;
    for (const replica of old) {
      const gap = this.random.between(0, 3_000);
      const newFirst = this.random.chance(0.5);
      delay += this.random.between(500, 5_000);
      this.world.in(delay, () => (newFirst ? this.join() : replica.drain()));
      this.world.in(delay + gap, () => (newFirst ? replica.drain() : this.join()));
    }
  }

  /** From here on nothing goes wrong. */
  private settleDown(): void {
    this.calm = true;
    if (this.plan.weather !== FAIR) this.calmAt = this.world.now;
    this.store.down = false;
    this.store.upSince = this.world.now;
    this.trace.note('calm', () => 'from here on nothing goes wrong');
    for (const replica of this.replicas) replica.thaw();
    for (const replica of [...this.replicas]) if (replica.version !== this.version) replica.drain();
    this.populate();
    for (const { name } of this.plan.workers) this.resume(name);
  }

  private populate(): void {
    const running = this.replicas.filter(
      ({ draining, label }) => !draining && !(this.plan.api && label === 'r1'),
    );
    if (running.length === 0) this.join();
  }

  /** Whenever it is paused: somebody may have asked for it before, and be heard late. */
  private resume(worker: string): void {
    this.world.in(1_000, () => this.resume(worker));
    if (!this.store.record(worker)?.paused) return;
    const replica = this.replicas.find(({ ready, draining }) => ready && !draining);
    this.control(replica, (scheduler) => scheduler.resume(worker));
  }

  /** When all that went wrong must be over. */
  private settledBy(): number {
    const { plan, world, time } = this;
    const backoff = Math.max(...plan.workers.map(({ versions: [worker] }) => longestBackoff(worker!)));
    const lasts = Math.max(this.busyUntil, world.now + LATEST) + 1_000;
    return lasts + 2 * plan.lease + 2 * backoff + 2 * this.longestInterval() + time.jumpedBack + SILENT_AFTER;
  }

  private longestInterval(): number {
    const records = this.plan.workers.flatMap(({ name }) => this.store.record(name) ?? []);
    return Math.max(1_000, ...records.map(intervalOf));
  }

  /** Now every slot runs, and nothing is left over. */
  private async watchCalm(): Promise<void> {
    const { world, time, store, observer } = this;
    const before = this.records();
    const from = time.now();
    this.trace.note('calm', () => 'from here on no slot may be lost');
    await world.run(world.now + 2 * this.longestInterval() + 2 * GRACE);
    if (observer.violation) return;
    const until = time.now() - GRACE;
    for (const [name, then] of before) {
      const now = store.record(name)!;
      const { schedule, spacing } = readTiming(name, now.timing);
      for (const count of ['missedCount', 'skippedCount', 'supersededCount', 'lostCount'] as const)
        if (now.status[count] !== then.status[count])
          this.violate(`${name}: ${count} grew from ${then.status[count]} to ${now.status[count]} in calm`);
      if (now.paused) this.violate(`${name} is still paused`);
      if (schedule && spacing === 'delay') {
        const quiet = time.now() - (now.status.lastEnd ?? -Infinity);
        // Jitter delays it by an interval at the most.
        if (!(quiet <= 2 * intervalOf(now) + GRACE))
          this.violate(`${name}: no run has ended for ${Math.round(quiet)} ms`);
      } else if (schedule) {
        const { completed } = observer.ledger(name);
        for (let slot = schedule.next(from); schedule.dueAt(slot) < until; slot = schedule.next(slot))
          if (!completed.has(slot)) this.violate(`${name}: slot ${instant(slot)} did not complete in calm`);
      }
      observer.countsAddUp(now);
    }
    for (const { worker, id } of store.openRequests)
      this.violate(`${worker}: the request ${this.trace.alias('run', id)} is still open`);
    for (const { replica, worker, id } of this.waiting)
      this.violate(`${replica.label} still waits for ${this.trace.alias('run', id)} of ${worker}`);
    for (const { worker, id } of this.dropped)
      if (observer.ledger(worker).begunRequests.has(id))
        this.violate(`${worker}: ${this.trace.alias('run', id)} was said to be dropped, and ran`);
  }

  private records(): Map<string, WorkerRecord> {
    return new Map(
      this.plan.workers.flatMap(({ name }) => {
        const record = this.store.record(name);
        if (!record) this.violate(`${name} was never enrolled`);
        return record ? [[name, record] as const] : [];
      }),
    );
  }
}

function intervalOf({ name, timing }: WorkerRecord): number {
  const { interval, schedule } = readTiming(name, timing);
  if (interval > 0 || !schedule) return interval;
  const next = schedule.next(0);
  return schedule.next(next) - next;
}

function longestBackoff({ backoff }: Pick<Worker, 'backoff'>): number {
  return typeof backoff === 'object' ? Number(backoff.max) : 0;
}
