import { type RunProgress } from '../../worker/run-context.js';
import { type Timer } from '../../timing/clock.js';
import { LeaseLostError } from '../../coordination/coordination.errors.js';
import { type CoordinatorClock } from './coordinator-clock.js';
import { type Coordinator, type HeldLease } from '../../coordination/coordinator.js';

/** Share of a lease by which clocks may differ in pace, or a timer may be late, before two replicas run at a time. */
export const LEASE_MARGIN = 0.1;
const BEATS = 3;
/** Wait after a failed heartbeat, as a share of the lease. */
const RETRY = 0.05;

/** How long to wait for the answer to a heartbeat, as a share of the lease. */
const PATIENCE = 0.4;

const UNRENEWED = 'it was not renewed in time';

/** What a lease calls of the run that holds it. */
export interface LeaseListener {
  /** Another replica may run the worker from now on. */
  lost(reason: LeaseLostError): void;
  /** A newer run is due, and the policy is `cancelRunning`. */
  cancelled(): void;
  progress(): RunProgress | undefined;
}

/**
 * The right to run, for as long as it is renewed. It is trusted for its length, less a margin, from when the last
 * answered renewal was *sent*: the coordinator counts from a later instant, so its lease always outlives the trust.
 */
export class Lease {
  private trustTimer?: Timer;
  private beatTimer?: Timer;
  private trustedUntil: number;
  private over = false;

  /**
   * @param length milliseconds
   * @param sentAt when the claim was sent, by the monotonic clock
   * @param left what was left of the lease when the coordinator answered it, milliseconds
   */
  constructor(
    readonly held: HeldLease,
    private readonly length: number,
    private readonly coordinator: Pick<Coordinator, 'heartbeat'>,
    private readonly clock: CoordinatorClock,
    private readonly listener: LeaseListener,
    sentAt: number,
    left: number,
  ) {
    // More is left when the coordinator's clock was set back since; a heartbeat corrects that, answered or not.
    this.trustedUntil = sentAt + Math.min(left, length) - LEASE_MARGIN * length;
  }

  /** Whether the run may rely on it now. */
  get trusted(): boolean {
    return !this.over && this.clock.monotonic() < this.trustedUntil;
  }

  /** Begins to renew it. */
  keep(): void {
    this.trust(this.trustedUntil);
    this.beatIn(this.length / BEATS);
  }

  /** Ends the renewals, as the run has ended or the process is about to exit. */
  stop(): void {
    this.over = true;
    this.trustTimer?.cancel();
    this.beatTimer?.cancel();
  }

  private trust(until: number): void {
    this.trustedUntil = until;
    this.trustTimer?.cancel();
    const late = (): void => this.lose(UNRENEWED);
    const left = until - this.clock.monotonic();
    // A process that was suspended may see an old answer before it sees that the lease has expired.
    if (left <= 0) late();
    else this.trustTimer = this.clock.setTimer(late, left);
  }

  private beatIn(delay: number): void {
    this.beatTimer = this.clock.setTimer(() => void this.beat(), delay);
  }

  private async beat(): Promise<void> {
    // After a suspension both timers are due, in no order. A renewal might succeed, but the run was unprotected
    // meanwhile.
    if (!this.trusted) return this.lose(UNRENEWED);
    const sentAt = this.clock.monotonic();
    try {
      const progress = this.listener.progress();
      const answer = this.clock.heard(
        await this.answered(
          this.coordinator.heartbeat({
            ...this.held,
            lease: this.length,
            ...(progress && { progress }),
          }),
        ),
      );
      if (this.over) return;
      const { leaseUntil, time, cancelRequested } = answer;
      if (leaseUntil === undefined) return this.lose('another one was granted, or this one was given back');
      this.trust(sentAt + (leaseUntil - time) - LEASE_MARGIN * this.length);
      if (this.over) return;
      if (cancelRequested) this.listener.cancelled();
      this.beatIn(this.length / BEATS);
    } catch {
      // Retried until the lease is no longer trusted. The next claim reports the outage.
      if (!this.over) this.beatIn(this.length * RETRY);
    }
  }

  /** Gives a call up early enough for another one, whatever the coordinator's own time limit is. */
  private answered<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.setTimer(
        () => reject(new Error('the coordinator does not answer')),
        this.length * PATIENCE,
      );
      call.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  private lose(why: string): void {
    if (this.over) return;
    this.stop();
    this.listener.lost(new LeaseLostError(this.held.worker, why));
  }
}
