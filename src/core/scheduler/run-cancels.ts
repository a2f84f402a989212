import { type Run } from '../history/run.js';
import { type RunRecorder } from '../history/run.recorder.js';
import { isUuid } from '../text/uuid.js';
import { type Clock } from '../timing/clock.js';
import { inRootContext } from '../timing/root-context.js';
import { type Cancellation } from '../worker/cancellation.js';
import { cancelledRun } from './cancelled-run.js';
import { type Cluster } from './cluster/cluster.js';
import { type LoopSet } from './loop-set.js';
import { UnknownRunError } from './scheduler.errors.js';

export type CancelKeyedRun = (run: Run, by: Cancellation) => Promise<void>;

/** Finds the run that is to be cancelled: of a loop here, of a stored schedule, or of another replica. */
export class RunCancels {
  keyed?: CancelKeyedRun;

  constructor(
    private readonly loops: LoopSet,
    private readonly recorder: RunRecorder,
    private readonly clock: Clock,
  ) {}

  /** @throws UnknownRunError when no such run is active or waits */
  async cancel(runId: string, by: Cancellation, cluster: Cluster | undefined): Promise<void> {
    if (this.cancelHere(runId, by)) return;
    if (!isUuid(runId)) throw new UnknownRunError(runId);
    const [run] = await this.recorder.find({ id: runId, limit: 1 });
    const active = run?.outcome === 'running';
    if (run?.key !== undefined && this.keyed && active) return this.keyed(run, by);
    if (run?.key !== undefined || !cluster) throw new UnknownRunError(runId);
    const { known, dropped } = await cluster.cancel(runId, by);
    if (dropped)
      this.recorder.record(cancelledRun(runId, dropped, by, this.recorder.replica, this.clock.now()));
    if (!known && !active) throw new UnknownRunError(runId);
  }

  /** @returns whether the run is, or waits, on this replica */
  cancelHere(runId: string, by: Cancellation): boolean {
    const cancelled = inRootContext(() => this.loops.cancel(runId, by));
    if (cancelled && cancelled !== 'told')
      this.recorder.record(cancelledRun(runId, cancelled, by, this.recorder.replica, this.clock.now()));
    return cancelled !== undefined;
  }
}
