import { LeaseLostError } from '../../core/coordination/coordination.errors.js';
import { LEASE_MARGIN } from '../../core/scheduler/cluster/lease.js';
import { type Clock, type Timer } from '../../core/timing/clock.js';
import { type HeldSchedule } from './held-schedule.js';
import { LockedSchedulesError } from './schedule.errors.js';
import { type ScheduleClaim, type ScheduleStore } from './schedule.store.js';

/** Renews the leases of what this replica has held for a while. Short runs have ended long before, and cost nothing. */
export class LeaseKeeper {
  private timer?: Timer;
  private renewing?: Promise<void>;
  private stopped = false;

  /** @param held by token @param lease milliseconds */
  constructor(
    private readonly store: ScheduleStore,
    private readonly clock: Clock,
    private readonly held: ReadonlyMap<number, HeldSchedule>,
    private readonly lease: number,
  ) {}

  /**
   * Until when a claim may be relied on, monotonic: a little less than its lease stands in the store.
   * @param asked when the store was asked for it, monotonic @param now the store's time when it answered
   */
  trustedUntil(asked: number, { lease }: Pick<ScheduleClaim, 'lease'>, now: Date): number {
    return this.trusted(asked, lease.getTime() - now.getTime());
  }

  /** Goes on until nothing is held. */
  keep(): void {
    if (this.timer || this.stopped || this.held.size === 0) return;
    this.timer = this.clock.setTimer(() => {
      this.timer = undefined;
      // A store that hangs gives no answer, and a lease ends all the same.
      this.loseEnded();
      this.renewing ??= this.renew().finally(() => (this.renewing = undefined));
      this.keep();
    }, this.untilNext());
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** Milliseconds until leases are to be renewed, or one ends: then another replica may run what runs here. */
  private untilNext(): number {
    const now = this.clock.monotonic();
    let next = this.lease / 3;
    for (const { leaseUntil } of this.held.values())
      if (leaseUntil > now) next = Math.min(next, leaseUntil - now);
    return next;
  }

  private async renew(): Promise<void> {
    const asked = this.clock.monotonic();
    const old = [...this.held.values()].filter(({ leaseUntil }) => leaseUntil - asked < (this.lease * 2) / 3);
    if (old.length === 0) return;
    try {
      const { kept, locked } = await this.kept(old.map(({ claim }) => claim));
      for (const held of old.filter(({ claim }) => !locked?.has(claim.token)))
        if (kept.has(held.claim.token)) held.leaseUntil = this.trusted(asked, this.lease);
        else if (!held.execution) this.lose(held, 'another replica has claimed it, or it was removed');
        else if (await this.store.find(held.claim.handler, held.claim.key))
          this.lose(held, 'another replica has claimed it');
        // It was removed: nobody else runs it, and its run may come to its end.
        else held.leaseUntil = Infinity;
    } catch {
      // The store is away. They are this replica's still, until the leases end.
      this.loseEnded();
    }
  }

  /** What is locked by a transaction is still held, as nobody else can claim it, and is renewed once that has ended. */
  private async kept(
    claims: readonly ScheduleClaim[],
  ): Promise<{ kept: ReadonlySet<number>; locked?: ReadonlySet<number> }> {
    try {
      return { kept: await this.store.renew(claims, this.lease) };
    } catch (error) {
      if (!(error instanceof LockedSchedulesError)) throw error;
      return { kept: error.done, locked: error.locked };
    }
  }

  private trusted(asked: number, left: number): number {
    return asked + left - LEASE_MARGIN * this.lease;
  }

  private loseEnded(): void {
    for (const held of this.held.values())
      if (held.leaseUntil <= this.clock.monotonic()) this.lose(held, 'it could not be renewed in time');
  }

  private lose(held: HeldSchedule, why: string): void {
    // It has ended in the meantime, or was lost before.
    if (!this.held.has(held.claim.token) || held.leaseUntil === -Infinity) return;
    held.leaseUntil = -Infinity;
    held.execution?.abort(new LeaseLostError(held.claim.handler, why));
  }
}
