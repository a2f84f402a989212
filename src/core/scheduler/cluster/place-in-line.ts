import { type Clock } from '../../timing/clock.js';

/**
 * How long the other replicas wait before they look whether the first in line has claimed. Milliseconds; at most a
 * quarter of the interval. A look waits as long again for looks of other workers, to be sent with them in one call.
 *
 * Measured with three replicas and 300 workers at a second: 735 calls of the database a second when both were 50, 768
 * with 30, 793 with 20, and the same lateness. When replicas died, the last of some thousand next slots came 1.06 s after
 * the death with 50, and 0.97 to 1.03 s with 30.
 */
const COURTESY = 30;

/** The wait for the first in line to claim after this token. */
interface Courtesy {
  readonly fencing: number;
  /** By the monotonic clock. */
  readonly until: number;
  /** Whether this replica has looked since. */
  looked: boolean;
}

/**
 * When this replica claims the slots of a worker.
 *
 * When replicas claim at the same time, all but one are refused, which was half of all statements. So the first in line
 * claims at once. The others look a little later, for many workers in one statement, and claim only if nothing was
 * granted; a replica that had to claim for the first in line then claims at once, until another one is granted a run.
 */
export class PlaceInLine {
  private first: string;
  /** A first in line that did not claim: it may not know the worker, have no place for a run, or be dead. */
  private absent?: string;
  private courtesy?: Courtesy;

  constructor(
    private readonly replica: string,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.first = replica;
  }

  /** Sets the replica that claims first; undefined when none is known. */
  precededBy(first: string | undefined): void {
    this.first = first ?? this.replica;
  }

  /** Whether this replica claims first, or no first one is known. */
  get isFirst(): boolean {
    return this.first === this.replica;
  }

  /**
   * What to do about a slot that can be claimed after that token.
   * @param interval milliseconds; 0 for cron
   */
  turn(fencing: number, interval: number): 'ask' | 'wait' | 'look' {
    const { first } = this;
    if (this.isFirst || first === this.absent) return 'ask';
    if (this.courtesy?.fencing !== fencing) {
      const patience = interval > 0 ? Math.min(COURTESY, interval / 4) : COURTESY;
      this.courtesy = { fencing, until: this.clock.monotonic() + patience, looked: false };
    }
    if (this.courtesy.looked) return 'ask';
    return this.waits(fencing) > 0 ? 'wait' : 'look';
  }

  /** Milliseconds left to wait with that token. */
  waits(fencing: number): number {
    return this.courtesy?.fencing === fencing ? Math.max(0, this.courtesy.until - this.clock.monotonic()) : 0;
  }

  /**
   * Call it after a look.
   * @param fencing the token that it found
   */
  looked(fencing: number): void {
    if (!this.courtesy) return;
    this.courtesy.looked = true;
    if (this.courtesy.fencing === fencing) this.absent = this.first;
  }

  /** Call it when another replica was granted a run. */
  overtaken(): void {
    this.absent = undefined;
  }
}
