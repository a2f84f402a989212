import { type LeaseLostError } from '../../coordination/coordination.errors.js';
import { type CoordinatorClock } from './coordinator-clock.js';
import { type Coordinator, type HeldLease, type Release } from '../../coordination/coordinator.js';
import { Lease } from './lease.js';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { RunCancelledError } from '../../execution/execution.errors.js';
import { type Execution } from '../../execution/execution.js';
import { type RunExecutor, type RunRequest } from '../../execution/run.executor.js';
import { type EndedRun } from '../../history/run.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { waitAfter } from '../backoff.js';
import { type ClusterView } from './cluster-view.js';

/** What a granted run uses. */
export interface ClusterRunContext {
  readonly definition: WorkerDefinition;
  readonly coordinator: Coordinator;
  readonly clock: CoordinatorClock;
  readonly executor: RunExecutor;
  readonly view: ClusterView;
}

/** A granted claim. */
export interface Grant {
  readonly record: WorkerRecord;
  /** When the claim was sent, by the monotonic clock. */
  readonly sentAt: number;
  /** The coordinator's time in the answer. */
  readonly time: number;
  /** Length of the lease, milliseconds; undefined for overlap policy `allow`, which has none. */
  readonly lease: number | undefined;
  /** Id of the request that the run serves; undefined for a run for a slot. */
  readonly requestId: string | undefined;
}

/** A granted run, from its lease to its release. */
export class ClusterRun {
  private readonly lease: Lease | undefined;
  private readonly held: HeldLease;
  private execution?: Execution;
  private lost?: LeaseLostError;

  constructor(
    private readonly context: ClusterRunContext,
    private readonly grant: Grant,
  ) {
    const { coordinator, clock } = context;
    const { record, sentAt, time, lease } = grant;
    this.held = { worker: record.name, runId: record.runId!, fencing: record.fencing };
    if (lease === undefined) return;
    const listener = {
      lost: (reason: LeaseLostError) => this.lose(reason),
      cancelled: () => this.execution?.abort(new RunCancelledError(record.name)),
      progress: () => this.execution?.run.progress,
    };
    this.lease = new Lease(this.held, lease, coordinator, clock, listener, sentAt, record.leaseUntil! - time);
  }

  /** False when the answer came so late that the lease may have expired: then the lease is released and nothing runs. */
  get trusted(): boolean {
    return this.lease?.trusted ?? true;
  }

  start(request: RunRequest): Execution {
    const { definition, coordinator, executor, clock } = this.context;
    this.lease?.keep();
    this.execution = executor.execute(definition, {
      ...request,
      id: this.held.runId,
      attempt: this.grant.record.attempt,
      time: clock,
      claimed: {
        fencingToken: this.held.fencing,
        fenced: this.lease !== undefined,
        resumeKey: this.grant.requestId ?? String(this.grant.record.slot),
        mayStart: () => this.lease?.trusted ?? true,
        assertCurrent: async (manager) => {
          if (this.lease) await coordinator.assertCurrent(this.held, manager);
        },
      },
    });
    return this.execution;
  }

  /** Leaves an active run when the process is about to exit: its lease expires. */
  abandon(): void {
    this.lease?.stop();
  }

  /** The release of a run that never began. */
  unrun(): Release {
    this.lease?.stop();
    return { ...this.common, kind: 'unrun', retry: false, delay: 'keep', tell: true };
  }

  /** The release of a run that has ended. */
  ended(run: EndedRun): Release {
    this.lease?.stop();
    const { definition, view, clock } = this.context;
    const { record } = this.grant;
    const toldToEnd =
      this.lease && (this.lost !== undefined || (run.outcome === 'aborted' && !this.wasCancelled));
    if (toldToEnd) return { ...this.common, kind: 'undone', run, retry: false, delay: 'keep', tell: true };

    const { backoff, overlap } = definition;
    const { spacing, interval } = view.timing;
    const now = clock.now();
    const succeeded = run.outcome === 'succeeded';
    const failed = !succeeded && run.outcome !== 'cancelled';
    const retry = failed && backoff !== undefined && run.trigger !== 'manual';
    const delay = retry
      ? waitAfter(record.status.consecutiveFailures + 1, backoff)
      : spacing === 'delay'
        ? interval
        : succeeded
          ? 0
          : 'keep';
    const slotAgain = retry && this.grant.requestId === undefined;
    const latest = view.latestDue(now);
    const newer = spacing !== 'delay' && latest > record.slot && !view.limitReached;
    const passes = newer && !slotAgain && overlap === 'skip' && !view.record.paused;
    return {
      ...this.common,
      kind: 'done',
      run,
      retry,
      delay,
      ...(passes && { passed: { slot: latest, skipped: view.count(record.slot, latest) } }),
      tell:
        (typeof delay === 'number' && delay > 0) ||
        (newer && !passes) ||
        (succeeded && view.requests.deferred !== undefined),
    };
  }

  private get common(): HeldLease & Pick<Release, 'leased' | 'requestId'> {
    const { requestId } = this.grant;
    return {
      ...this.held,
      leased: this.lease !== undefined,
      ...(requestId !== undefined && { requestId }),
    };
  }

  /** Whether it was cancelled by a newer run, which has its own slot, or by a person: then its slot is not owed. */
  private get wasCancelled(): boolean {
    return this.execution?.abortReason instanceof RunCancelledError;
  }

  private lose(reason: LeaseLostError): void {
    this.lost = reason;
    this.execution?.abort(reason);
  }
}
