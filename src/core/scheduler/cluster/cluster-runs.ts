import { LeaseLostError } from '../../coordination/coordination.errors.js';
import { type Release } from '../../coordination/coordinator.js';
import { type RequestedRun } from '../../coordination/worker-record.js';
import { RunCancelledError } from '../../execution/execution.errors.js';
import { type Execution } from '../../execution/execution.js';
import { type RunRequest } from '../../execution/run.executor.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type ClusterParts } from './cluster-parts.js';
import { type ClusterRequests } from './cluster-requests.js';
import { ClusterRun, type Grant } from './cluster-run.js';
import { type ClusterView } from './cluster-view.js';
import { type Releaser } from './releaser.js';

/** The runs of one worker that were granted to this replica, until they are released. */
export class ClusterRuns {
  readonly executions: Execution[] = [];
  private readonly runs = new Set<ClusterRun>();
  private readonly releases = new Set<Promise<void>>();
  private held = false;

  /** @param changed called when a run was released: there may be more to claim */
  constructor(
    private readonly definition: WorkerDefinition,
    private readonly parts: ClusterParts,
    private readonly requests: ClusterRequests,
    private readonly releaser: Releaser,
    private readonly changed: () => void,
  ) {}

  /** Whether a run is granted and not released. Always false under overlap policy `allow`. */
  get occupied(): boolean {
    return this.held;
  }

  /**
   * Starts a granted run, or gives it back unrun.
   * @param wanted false: the run must not start any more
   * @returns whether a run has begun, which keeps its place in the limit
   */
  begin(grant: Grant, view: ClusterView, request: RequestedRun | undefined, wanted: boolean): boolean {
    const run = new ClusterRun({ ...this.parts, definition: this.definition, view }, grant);
    if (this.definition.overlap !== 'allow') this.held = true;
    if (!run.trusted || !wanted) {
      this.follow(this.giveBack(run.unrun()));
      return false;
    }
    const execution = run.start(request ? this.asRequested(request, grant) : this.forSlot(grant, view));
    this.executions.push(execution);
    this.runs.add(run);
    if (request) this.requests.serve(request.id);
    this.parts.events.started(execution.run);
    void execution.ended.then((ended) => this.follow(this.ended(run, execution, ended, request)));
    return true;
  }

  /**
   * Cancels the run with that id.
   * @returns whether it is active here
   */
  cancel(runId: string, by: Cancellation): boolean {
    const execution = this.executions.find(({ run }) => run.id === runId);
    execution?.abort(new RunCancelledError(this.definition.name, by));
    return execution !== undefined;
  }

  /** Cancels the active runs, as a newer one is due. Runs of other replicas are cancelled by their next heartbeat. */
  cancelAll(): void {
    for (const execution of this.executions) execution.abort(new RunCancelledError(this.definition.name));
  }

  /** Resolves when all ended runs are released. Runs that are still active are left: their leases expire. */
  async settled(): Promise<void> {
    while (this.releases.size > 0) await Promise.all(this.releases);
    for (const run of this.runs) run.abandon();
  }

  private asRequested(request: RequestedRun, { record: { attempt } }: Grant): RunRequest {
    const { id, trigger, requestedAt, notBefore, payload, actor } = request;
    return {
      trigger: attempt > 1 && trigger !== 'manual' ? 'retry' : trigger,
      scheduledAt: notBefore ?? requestedAt,
      payload,
      ...(actor !== undefined && { actor }),
      scope: this.requests.scopeOf(id),
    };
  }

  private forSlot({ record: { slot, attempt } }: Grant, view: ClusterView): RunRequest {
    return {
      trigger: view.triggerOf(slot, attempt),
      slot,
      scheduledAt: attempt > 1 ? this.parts.clock.now() : view.dueAt(slot),
    };
  }

  private async ended(
    run: ClusterRun,
    execution: Execution,
    ended: EndedRun,
    request: RequestedRun | undefined,
  ): Promise<void> {
    this.runs.delete(run);
    this.executions.splice(this.executions.indexOf(execution), 1);
    const release = run.ended(ended);
    const accepted = await this.giveBack(release, request);
    if (!accepted) execution.disown(new LeaseLostError(this.definition.name, 'another one was granted'));
    this.parts.events.ended(ended);
    if (request)
      this.requests.served(request.id, release.kind === 'done' && !release.retry ? ended : undefined);
    this.parts.limit.give(request?.id ?? ended.id);
  }

  private async giveBack(release: Release, request?: RequestedRun): Promise<boolean> {
    const accepted = await this.releaser.giveBack(release, request);
    this.held = false;
    return accepted;
  }

  private follow(work: Promise<unknown>): void {
    const done = work.then(() => {
      this.releases.delete(done);
      this.changed();
    });
    this.releases.add(done);
  }
}
