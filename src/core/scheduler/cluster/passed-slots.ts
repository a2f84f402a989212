import { type BackedOff } from '../../coordination/coordinator.js';
import { type ClusterView } from './cluster-view.js';
import { type WorkerEvents } from '../worker-events.js';

/** Emits events for slots of a cluster's worker that are not run, each slot once on this replica. */
export class PassedSlots {
  /** The last slot that was reported. */
  private told = -Infinity;

  constructor(
    private readonly worker: string,
    private readonly events: WorkerEvents,
  ) {}

  /** Slots that are due and wait for the end of a backoff. */
  backedOff(view: ClusterView, now: number): BackedOff | undefined {
    const { paused, fencing, slot: from, notBefore = -Infinity, leaseUntil = -Infinity } = view.record;
    if (paused || view.limitReached || notBefore <= now || leaseUntil > now) return undefined;
    const slot = view.latestDue(now);
    const skipped = view.count(from, slot);
    return skipped > 0 ? { fencing, slot, skipped } : undefined;
  }

  /** Reports slots that pass while a run is active here under policy `skip`. */
  during(view: ClusterView, now: number): void {
    this.until(view, view.latestDue(now), now);
  }

  /** Reports the slots up to that one as skipped. */
  until(view: ClusterView, latest: number, now: number): void {
    const from = this.after(view.record.slot, now);
    const count = view.count(from, latest);
    this.events.passed('run.skipped', this.worker, count, latest);
    if (count > 0) this.told = latest;
  }

  /** Reports the slots before one that was granted to this replica. Call it before the view learns of the grant. */
  before(view: ClusterView, slot: number, now: number): void {
    const { missed, skipped } = view.between(this.after(view.record.slot, now), slot);
    const latest = missed + skipped > 0 ? view.timing.schedule!.latest(slot - 1) : undefined;
    this.events.passed('run.skipped', this.worker, skipped, latest);
    this.events.passed('run.missed', this.worker, missed, latest);
  }

  /** Reports a slot that was too late. */
  late(slot: number): void {
    this.events.passed('run.skipped', this.worker, 1, slot);
    this.told = slot;
  }

  /** A reported slot that lies ahead was reported before the clock was set back. */
  private after(slot: number, now: number): number {
    return this.told > now ? slot : Math.max(slot, this.told);
  }
}
