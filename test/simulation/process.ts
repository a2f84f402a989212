import { type Process } from './observer.js';
import { type Random } from './random.js';
import { type Pace, ReplicaClock } from './replica-clock.js';
import { type Trace } from './trace.js';
import { type World } from './world.js';

/** Where a process lives. */
export interface Habitat {
  readonly world: World;
  readonly random: Random;
  readonly trace: Trace;
  /** A process has shut down by itself. */
  leaves(process: SimulatedProcess): void;
  /** A process ended, by itself or not. */
  gone(process: SimulatedProcess): void;
  /** A process that was stopped goes on. */
  resumed(process: SimulatedProcess): void;
  /** What must not happen. */
  violate(what: string): void;
}

const IN_PEACE = 'in peace';

/** A process with clocks of its own, which may be stopped, and may die at any time. */
export abstract class SimulatedProcess implements Process {
  readonly clock: ReplicaClock;
  alive = true;
  paused = false;
  /** Its start has come to its end. */
  ready = false;
  draining = false;
  /** Since when it runs without being disturbed, true time. */
  undisturbed = Infinity;
  /** What fell due while the process was stopped. */
  private due: (() => void)[] = [];

  constructor(
    readonly label: string,
    pace: Pace,
    private readonly habitat: Habitat,
  ) {
    const { world, random } = habitat;
    this.clock = new ReplicaClock(
      world,
      pace,
      (callback) => this.enter(callback),
      () => (random.chance(0.1) ? random.next() : 0),
    );
  }

  enter(callback: () => void): void {
    if (!this.alive) return;
    if (this.paused) this.due.push(callback);
    else callback();
  }

  /** Nothing of it is ever heard again. */
  crash(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.due = [];
    if (why === IN_PEACE) this.habitat.leaves(this);
    this.habitat.trace.note(this.label, () => `dies ${why}`);
    this.habitat.gone(this);
  }

  /** SIGSTOP, and SIGCONT that many milliseconds later. */
  freeze(ms: number): void {
    if (!this.alive || this.paused) return;
    this.paused = true;
    const { trace, world } = this.habitat;
    trace.note(this.label, () => `is stopped for ${Math.round(ms)} ms`);
    world.in(ms, () => this.thaw());
  }

  /** SIGCONT. */
  thaw(): void {
    if (!this.alive || !this.paused) return;
    const { trace, world, random } = this.habitat;
    trace.note(this.label, () => 'goes on');
    this.paused = false;
    if (this.ready) this.undisturbed = world.now;
    const due = this.due;
    this.due = [];
    // Answers before timers, or after them, or in between.
    if (random.chance(0.3)) due.reverse();
    for (const callback of due) world.in(0, () => this.enter(callback));
    world.in(0, () => this.habitat.resumed(this));
  }

  /** SIGTERM. */
  drain(): void {
    if (!this.alive || this.draining) return;
    this.draining = true;
    this.habitat.trace.note(this.label, () => 'is told to shut down');
    this.enter(() => void this.shutDown());
  }

  protected abstract end(): Promise<void>;

  private async shutDown(): Promise<void> {
    try {
      await this.end();
    } catch (error) {
      this.habitat.violate(`${this.label}: shutting down threw ${String(error)}`);
    }
    this.crash(IN_PEACE);
  }
}
