import { type Clock, type Timer } from '../timing/clock.js';
import { Child, type ChildParts, type RunTerms } from './child.js';
import { type IsolatedRun } from './isolated-run.js';

/** Milliseconds for the context of a child to close at shutdown. */
const CLOSE_WITHIN = 5_000;
/** The same of one that is not needed: nobody waits for it, and it may have to load its module first on a busy machine. */
const CLOSE_IDLE_WITHIN = 60_000;

/** What a pool is made with. */
export interface PoolParts extends Omit<ChildParts, 'gone'> {
  /** Milliseconds for which a child without runs is kept. */
  readonly idle: number;
  readonly clock: Clock;
}

/**
 * The children of one module, each with one run at a time, as runs beside each other in one thread would delay each
 * other. One that has ended its run is kept for the next; when all are busy, one more is started.
 */
export class ChildPool {
  private readonly all = new Set<Child>();
  /** The last one is taken first: those that are not needed get old. */
  private readonly idle: Child[] = [];
  private sweeper?: Timer | undefined;

  constructor(private readonly parts: PoolParts) {}

  get children(): readonly Child[] {
    return [...this.all];
  }

  /** Starts a child, if there is none, and says which workers are in it. @throws IsolatedStartError */
  async workers(): Promise<readonly string[]> {
    const [first] = this.all;
    if (first) return first.ready;
    const child = this.start();
    const workers = await child.ready;
    this.keep(child);
    return workers;
  }

  async run(run: IsolatedRun, terms: RunTerms): Promise<unknown> {
    const child = this.idle.pop() ?? this.start();
    try {
      return await child.run(run, terms);
    } finally {
      this.keep(child);
    }
  }

  /** Closes those that are idle, and ends the others at once: their runs have had their time. */
  async close(): Promise<void> {
    this.sweeper?.cancel();
    const idle = new Set(this.idle.splice(0));
    await Promise.all(
      [...this.all].map((child) => {
        if (idle.has(child)) return child.close(CLOSE_WITHIN);
        child.kill();
        return child.ended;
      }),
    );
  }

  private start(): Child {
    const child = new Child({
      ...this.parts,
      gone: (gone) => {
        this.all.delete(gone);
        const at = this.idle.indexOf(gone);
        if (at >= 0) this.idle.splice(at, 1);
      },
    });
    this.all.add(child);
    return child;
  }

  private keep(child: Child): void {
    if (child.gone || child.ending) return;
    child.idleSince = this.parts.clock.monotonic();
    child.release();
    this.idle.push(child);
    this.sweepLater(this.parts.idle);
  }

  /** One timer for all: one for each run would cost more than the run's message. */
  private sweepLater(after: number): void {
    // A fake timer would be a pending timer of the test.
    if (this.sweeper || this.parts.clock.fake) return;
    this.sweeper = this.parts.clock.setTimer(() => this.sweep(), after, true);
  }

  private sweep(): void {
    this.sweeper = undefined;
    const now = this.parts.clock.monotonic();
    const old = this.idle.filter(({ idleSince }) => now - idleSince >= this.parts.idle);
    for (const child of old) {
      this.idle.splice(this.idle.indexOf(child), 1);
      void child.close(CLOSE_IDLE_WITHIN);
    }
    const [next] = this.idle;
    if (next) this.sweepLater(this.parts.idle - (now - next.idleSince));
  }
}
