import { StaleRunError } from '../coordination/coordination.errors.js';
import { type Coordinator } from '../coordination/coordinator.js';
import { type RunInterceptors } from '../execution/run-interceptor.js';
import { type Outages } from '../outages/outages.js';
import { type Clock } from '../timing/clock.js';
import { sleep } from '../timing/timer.js';
import { type FanOutHost, type ShardJob, type ShardRun } from './fan-out.engine.js';
import { RemoteRun } from './remote-run.js';
import { type ShardDefinition } from './shard-definition.js';
import { type ShardMetrics, runShard } from './shard-runner.js';

/** How long a shard waits before it asks the coordination again. Milliseconds. */
const ASK_AGAIN_AFTER = 1_000;

/** Runs the shards that an engine brings to this replica. */
export class ShardHost implements FanOutHost {
  constructor(
    private readonly coordinator: Coordinator | undefined,
    private readonly interceptors: RunInterceptors,
    private readonly outages: Outages<'calls'>,
    private readonly clock: Clock,
  ) {}

  async perform(
    shard: ShardDefinition,
    { run, item, index, attempt }: ShardJob,
    signal: AbortSignal,
  ): Promise<ShardMetrics> {
    await this.requireCurrent(run, signal);
    const context = new RemoteRun(run, signal, this.coordinator);
    const around = this.interceptors.around.bind(this.interceptors);
    return runShard({ shard, run: context, item, index, attempt, signal, say: () => {}, around }, this.clock);
  }

  reached(error: unknown): void {
    if (error === undefined) this.outages.succeeded('calls');
    else this.outages.failed('calls', error);
  }

  /**
   * The coordination has the newest token of the worker. The answer is never older than the call; calls at the same time
   * share one. While it cannot be reached, nobody knows whether the run is current: the shard waits.
   */
  private async requireCurrent(
    { worker, runId, fencingToken, fenced }: ShardRun,
    signal: AbortSignal,
  ): Promise<void> {
    if (!fenced || !this.coordinator || fencingToken === undefined) return;
    for (;;) {
      signal.throwIfAborted();
      const records = await this.coordinator.records().then(
        (answer) => answer.records,
        () => undefined,
      );
      signal.throwIfAborted();
      if (!records) {
        await sleep(ASK_AGAIN_AFTER, signal);
        continue;
      }
      const newest = records.find(({ name }) => name === worker)?.fencing;
      if (newest !== fencingToken) throw new StaleRunError(worker, runId, fencingToken);
      return;
    }
  }
}
