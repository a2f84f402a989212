import { RunCancelledError } from '../execution/execution.errors.js';
import { type Execution, type RunRequest } from '../execution/run.executor.js';
import { type EndedRun } from '../history/run.js';
import { type OverlapPolicy } from '../worker/worker-options.js';
import { type RunLimit, type Waiter } from './run-limit.js';

/** What a lane does and tells. */
export interface LaneListener {
  execute(request: RunRequest): Execution;
  ended(run: EndedRun, request: RunRequest): void;
  /** It will not run: a newer one took its place, or the lane was cleared. */
  dropped(request: RunRequest): void;
}

/** The runs of one worker, one behind the other or side by side, as its overlap policy says. */
export class RunLane implements Waiter {
  private readonly executions = new Set<Execution>();
  /** Wants to run: at most one, but under `allow`. Waits for the end of another run, or for a place in the limit. */
  private waiting: RunRequest[] = [];

  constructor(
    private readonly policy: OverlapPolicy,
    private readonly limit: RunLimit,
    private readonly listener: LaneListener,
  ) {}

  /** The runs that are on. */
  get active(): ReadonlySet<Execution> {
    return this.executions;
  }

  get busy(): boolean {
    return this.executions.size > 0 || this.waiting.length > 0;
  }

  /** @returns false when the policy leaves it no place: it is skipped. */
  offer(request: RunRequest): boolean {
    if (this.policy === 'skip' && this.busy) return false;
    if (this.policy === 'queueOne' || this.policy === 'cancelRunning') this.clear();
    if (this.policy === 'cancelRunning')
      for (const { run, abort } of this.executions) abort(new RunCancelledError(run.worker));
    this.waiting.push(request);
    this.pump();
    return true;
  }

  /** Takes back what waits and was not asked for by a person; undefined when nothing does. */
  withdraw(): RunRequest | undefined {
    const index = this.waiting.findIndex((request) => request.trigger !== 'manual');
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }

  /** Forgets what has not started. */
  clear(): void {
    this.limit.leave(this);
    for (const request of this.waiting.splice(0)) this.listener.dropped(request);
  }

  pump(): void {
    while (this.waiting.length > 0 && (this.policy === 'allow' || this.executions.size === 0)) {
      if (!this.limit.take(this)) return;
      this.start(this.waiting.shift()!);
    }
  }

  private start(request: RunRequest): void {
    const execution = this.listener.execute(request);
    this.executions.add(execution);
    void execution.ended.then((run) => {
      this.executions.delete(execution);
      this.listener.ended(run, request);
      this.limit.give();
      this.pump();
    });
  }
}
