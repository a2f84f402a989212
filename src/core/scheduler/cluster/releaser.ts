import { type Release } from '../../coordination/coordinator.js';
import { type RequestedRun, type WorkerRecord } from '../../coordination/worker-record.js';
import { type ClusterParts, RETRY_AFTER } from './cluster-parts.js';
import { type ClusterView } from './cluster-view.js';

/** Gives the leases of one worker back, with the outcomes of their runs. */
export class Releaser {
  /** Whether a release that fails is given up: its lease expires. */
  private stopped = false;

  /** @param view the current view of the worker, which learns of each release */
  constructor(
    private readonly parts: Pick<ClusterParts, 'coordinator' | 'clock' | 'reached' | 'conditions'>,
    private readonly view: () => ClusterView,
  ) {}

  start(): void {
    this.stopped = false;
  }

  stop(): void {
    this.stopped = true;
  }

  /**
   * Retries until it is acknowledged: a run that has ended must not be repeated.
   * @param request the request that the run served
   * @returns false if another run was granted before, so that this one does not count
   */
  async giveBack(release: Release, request?: RequestedRun): Promise<boolean> {
    const { coordinator, clock, reached } = this.parts;
    for (let certain = true; ; certain = false) {
      try {
        const { record } = clock.heard(await coordinator.release(release));
        reached(undefined, 'releases', release.worker);
        if (record) {
          this.tellFailures(release, record);
          this.view().learn(record);
          this.view().given(release, request);
        }
        // An earlier call may have been executed without an answer, and another run granted since.
        return record !== undefined || !certain;
      } catch (error) {
        reached(error, 'releases', release.worker);
        // Without a lease a repeated call would be counted twice.
        if (!release.leased || this.stopped) return true;
        await new Promise<void>((resolve) => clock.setTimer(resolve, RETRY_AFTER));
      }
    }
  }

  /**
   * Call it before the view learns of the release. Before a failure the count was one less; before a success, the known
   * one.
   */
  private tellFailures({ kind, run }: Release, { name, status }: WorkerRecord): void {
    if (kind !== 'done' || !run || run.outcome === 'cancelled') return;
    const { consecutiveFailures: after, lastError } = status;
    const before = after > 0 ? after - 1 : this.view().record.status.consecutiveFailures;
    this.parts.conditions.failures(name, before, after, lastError);
  }
}
