import { type World } from './world.js';

/** What the store's clock shows at the beginning. */
export const EPOCH = Date.UTC(2026, 0, 1);

/** The clock that counts. It keeps true time, but for jumps. */
export class StoreClock {
  private offset = EPOCH;
  /** Milliseconds, all jumps back together. */
  jumpedBack = 0;
  /** True time of the last jump forward. */
  jumpedForwardAt = -Infinity;
  jumpedAt = -Infinity;

  constructor(private readonly world: World) {}

  /** With fractions of a millisecond, as a database has them. */
  now(): number {
    return Math.round((this.offset + this.world.now) * 1_000) / 1_000;
  }

  jump(ms: number): void {
    this.offset += ms;
    this.jumpedAt = this.world.now;
    if (ms < 0) this.jumpedBack -= ms;
    else this.jumpedForwardAt = this.world.now;
  }
}
