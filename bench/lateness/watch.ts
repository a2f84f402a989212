import { quantile } from '../harness/rounds.js';

/** Milliseconds since the epoch, with fractions. */
const epoch = Date.now() - performance.now();
const now = (): number => epoch + performance.now();

/** What the two clocks part by, at 50 millionths, while all are started; and some more. */
const AHEAD = 10;

/** Sees every run of workers that are to run once a second, and how late it is. */
export class Watch {
  private readonly lateness: Float64Array;
  private readonly sinceLast: Float64Array;
  private readonly first: Float64Array;
  private readonly last: Float64Array;
  private readonly counts: Uint32Array;
  private runs = 0;
  private from = Infinity;
  private to = Infinity;
  private waiting = { at: Infinity, resolve: (): void => {} };

  constructor(
    readonly workers: number,
    private readonly seconds: number,
  ) {
    // One that makes up for what it lost may run more often.
    const most = 2 * workers * seconds;
    this.lateness = new Float64Array(most);
    this.sinceLast = new Float64Array(most);
    this.first = new Float64Array(workers);
    this.last = new Float64Array(workers);
    this.counts = new Uint32Array(workers);
  }

  /** @param due milliseconds since the epoch */
  ran(worker: number, due: number): void {
    const at = now();
    if (due >= this.from && due < this.to && this.runs < this.lateness.length) {
      this.lateness[this.runs] = at - due;
      this.sinceLast[this.runs++] = at - this.last[worker]! - 1_000;
    }
    this.last[worker] = at;
    if (at >= this.waiting.at) this.waiting.resolve();
  }

  /** A run of one that leaves none out: the first is its phase, and the others are due at whole seconds from there. */
  ranNext(worker: number): void {
    if (this.counts[worker] === 0) this.first[worker] = now();
    this.ran(worker, this.first[worker]! + 1_000 * this.counts[worker]!++);
  }

  /** A run of one that does not say what for: of the second in which it takes place, so that it is late by less. */
  ranInSecond(worker: number): void {
    this.ran(worker, Math.floor(now() / 1_000) * 1_000);
  }

  /** Takes the runs that are due a while from now into account, and resolves when they are over. */
  async look(): Promise<{ cpuPercent: number }> {
    // Not the first runs, and what the compiler makes of them.
    await this.until(now() + 3_000);
    // Slots are by the wall clock, and that may be ahead of this one by a little: what it has run already must not count.
    this.from = now() + AHEAD;
    this.to = this.from + this.seconds * 1_000;
    const before = process.cpuUsage();
    await this.until(this.to);
    const { user, system } = process.cpuUsage(before);
    const cpuPercent = (user + system) / 10 / (now() - this.from);
    // For those that are late.
    await this.until(this.to + 2_000);
    return { cpuPercent };
  }

  /** Also by the runs: of ten thousand timers that are behind, one of ours would wait for minutes. */
  private until(at: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { at, resolve };
      setTimeout(resolve, at - now());
    });
  }

  found(): { runs: number; lateness: number; sinceLast: number } {
    return {
      runs: this.runs,
      lateness: quantile(this.lateness.subarray(0, this.runs), 0.99),
      sinceLast: quantile(this.sinceLast.subarray(0, this.runs), 0.99),
    };
  }
}
