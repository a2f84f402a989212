/** Wrong tokens of one address in a period, after which it is refused for the rest of the period. */
const MOST_FAILURES = 10;
/** Length of the period in milliseconds. */
const WITHIN = 60_000;
/** Most addresses that are remembered; beyond it the oldest is dropped. */
const MOST_ADDRESSES = 10_000;

/** Counts wrong tokens by address, to prevent guessing. */
export class FailedLogins {
  private readonly counts = new Map<string, { failures: number; until: number }>();

  /** @returns seconds that this address has to wait; 0 when it may try */
  waitOf(address: string, now: number): number {
    const count = this.counts.get(address);
    if (!count) return 0;
    if (count.until <= now) {
      this.counts.delete(address);
      return 0;
    }
    return count.failures < MOST_FAILURES ? 0 : Math.ceil((count.until - now) / 1_000);
  }

  failed(address: string, now: number): void {
    const count = this.counts.get(address);
    if (count && count.until > now) {
      count.failures++;
      return;
    }
    this.counts.delete(address);
    this.counts.set(address, { failures: 1, until: now + WITHIN });
    if (this.counts.size > MOST_ADDRESSES) this.counts.delete(this.counts.keys().next().value!);
  }
}
