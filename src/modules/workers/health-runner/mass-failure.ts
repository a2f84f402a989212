/** Fewer targets than that say nothing about this replica. */
const FEWEST_TARGETS = 5;
/** What was seen longer ago is not part of what goes on now. */
const WINDOW = 30_000;
/** Part of the targets, above which it looks as if this replica were to blame. */
const MOST = 0.5;

interface Seen {
  at: number;
  failed: boolean;
}

/**
 * Tells when most of a replica's targets fail within seconds: then its own network is as likely to be the reason as the
 * targets are, and each failure by itself says nothing.
 */
export class MassFailure {
  /** What each target came to last. */
  private readonly seen = new Map<string, Seen>();
  private failing = 0;

  /** @param failed whether it gave no answer at all: one that answers badly was reached. @param at monotonic */
  saw(target: string, failed: boolean, at: number): void {
    const before = this.seen.get(target);
    if (before?.failed) this.failing--;
    if (failed) this.failing++;
    this.seen.delete(target);
    this.seen.set(target, { at, failed });
    for (const [oldest, { at: then, failed: failedThen }] of this.seen) {
      if (then > at - WINDOW) break;
      this.seen.delete(oldest);
      if (failedThen) this.failing--;
    }
  }

  /**
   * Whether most targets fail.
   * @param since also if most of those seen since then do, though others were well a moment before
   */
  isOn(since: number): boolean {
    if (this.seen.size >= FEWEST_TARGETS && this.failing > this.seen.size * MOST) return true;
    let [all, failing] = [0, 0];
    for (const { at, failed } of [...this.seen.values()].reverse()) {
      if (at < since) break;
      all++;
      if (failed) failing++;
    }
    return all >= FEWEST_TARGETS && failing > all * MOST;
  }
}
