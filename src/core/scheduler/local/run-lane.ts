import { randomUUID } from 'node:crypto';
import { RunCancelledError } from '../../execution/execution.errors.js';
import { type Execution } from '../../execution/execution.js';
import { type RunRequest } from '../../execution/run.executor.js';
import { type EndedRun } from '../../history/run.js';
import { type OverlapPolicy } from '../../worker/worker-options.js';
import { type Cancellation } from '../../worker/cancellation.js';
import { type WaitingRun } from '../loop.js';
import { type RunHandle, RunHandles } from '../run-handle.js';
import { type RunLimit, type Waiter } from '../run-limit.js';
import { RunDroppedError } from '../scheduler.errors.js';
import { isOf, waitingRun } from './requested-run.js';

/** What a lane calls. */
export interface LaneListener {
  execute(request: RunRequest): Execution;
  ended(run: EndedRun, request: RunRequest): void;
  /** A request without a handle will not run: a newer one took its place, or the lane was cleared. */
  skipped(request: RunRequest): void;
  /** Whether a waiting request must not run any more: it has waited too long, or its worker has ended. */
  isOver(request: RunRequest): boolean;
  /** Whether the active run with that id has done its work, so that another one may start. */
  isFree(runId: string): boolean;
  /** Called when the last waiting request was dropped and no run is active. */
  freed(): void;
}

/** The runs of one worker, one after the other or side by side, by its overlap policy. */
export class RunLane implements Waiter {
  /** Not a Set, for the reason of `ActiveRuns`. */
  private readonly executions: Execution[] = [];
  /** Requests that wait for the end of another run or for a place in the limit: at most one, except under `allow`. */
  private waiting: RunRequest[] = [];
  /** Id of the run that began last. */
  newest?: string;
  /** Handles of manual runs. */
  private readonly handles = new RunHandles();

  constructor(
    private readonly worker: string,
    private readonly policy: OverlapPolicy,
    private readonly limit: RunLimit,
    private readonly listener: LaneListener,
  ) {}

  /** The active runs. */
  get active(): readonly Execution[] {
    return this.executions;
  }

  get busy(): boolean {
    return this.executions.length > 0 || this.waiting.length > 0;
  }

  /**
   * Requests a manual run.
   * @returns undefined when the overlap policy refuses it
   */
  trigger(asked: Omit<RunRequest, 'trigger' | 'id'>): RunHandle | undefined {
    const id = randomUUID();
    return this.offer({ trigger: 'manual', id, ...asked }) ? this.handles.make(id) : undefined;
  }

  /** Ends the active run with that id, or withdraws it when it waits; see `Loop.cancel`. */
  cancel(runId: string, by: Cancellation): 'told' | WaitingRun | undefined {
    const { worker } = this;
    const execution = this.executions.find(({ run }) => run.id === runId);
    if (execution) {
      execution.abort(new RunCancelledError(worker, by));
      return 'told';
    }
    const waiting = this.withdrawRun(runId);
    if (!waiting) return undefined;
    this.handles.reject(runId, new RunDroppedError(worker, runId));
    if (!this.busy) this.listener.freed();
    return waitingRun(worker, waiting);
  }

  /** @returns false when the overlap policy skips it */
  offer(request: RunRequest): boolean {
    if (this.policy === 'skip' && (this.isHeld || this.waiting.length > 0)) return false;
    if (this.policy === 'queueOne' || this.policy === 'cancelRunning') this.clear();
    if (this.policy === 'cancelRunning')
      for (const execution of this.executions) execution.abort(new RunCancelledError(this.worker));
    if (this.waiting.length === 0 && this.takesPlace(request)) this.start(request);
    else this.waiting.push(request);
    return true;
  }

  /**
   * Withdraws the request, other than a manual one, that waits for the end of a run; undefined when there is none.
   * Under `allow` there is none: requests wait for a place only.
   */
  withdraw(): RunRequest | undefined {
    if (this.policy === 'allow') return undefined;
    const index = this.waiting.findIndex((request) => request.trigger !== 'manual');
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }

  /** Drops the requests that wait. */
  clear(): void {
    this.limit.leave(this);
    for (const request of this.waiting.splice(0)) this.drop(request);
  }

  pump(): void {
    this.dropOver();
    while (this.waiting.length > 0 && this.takesPlace(this.waiting[0]!)) {
      this.start(this.waiting.shift()!);
      this.dropOver();
    }
    if (!this.limit.lends) return;
    for (const request of [...this.waiting])
      if (this.takesPlace(request)) {
        this.waiting.splice(this.waiting.indexOf(request), 1);
        this.start(request);
      }
  }

  /** Withdraws the request with that id, if it waits. */
  private withdrawRun(id: string): RunRequest | undefined {
    const index = this.waiting.findIndex((request) => isOf(request, id));
    const [request] = index < 0 ? [] : this.waiting.splice(index, 1);
    if (this.waiting.length === 0) this.limit.leave(this);
    return request;
  }

  private drop(request: RunRequest): void {
    if (request.trigger === 'manual')
      this.handles.reject(request.id!, new RunDroppedError(this.worker, request.id!));
    else this.listener.skipped(request);
  }

  private dropOver(): void {
    if (this.waiting.length === 0) return;
    const over = this.waiting.filter((request) => this.listener.isOver(request));
    if (over.length === 0) return;
    this.waiting = this.waiting.filter((request) => !over.includes(request));
    for (const request of over) this.drop(request);
    if (!this.busy) this.listener.freed();
  }

  /** Whether a run may start. If so, it has taken a place in the limit. */
  private takesPlace({ id }: RunRequest): boolean {
    return (this.policy === 'allow' || !this.isHeld) && this.limit.take(this, id);
  }

  /** Whether an active run prevents others from starting. */
  private get isHeld(): boolean {
    if (this.executions.length === 0) return false;
    return this.policy !== 'skip' || !this.executions.every(({ run }) => this.listener.isFree(run.id));
  }

  private start(request: RunRequest): void {
    const execution = this.listener.execute(request);
    this.executions.push(execution);
    this.newest = execution.run.id;
    void execution.ended.then((run) => {
      this.remove(execution);
      this.listener.ended(run, request);
      this.handles.resolve(run.id, run);
      this.limit.give(run.id);
      this.pump();
    });
  }

  private remove(execution: Execution): void {
    const last = this.executions.pop()!;
    if (last !== execution) this.executions[this.executions.indexOf(execution)] = last;
  }
}
