import { type Execution, type RunExecutor, type RunRequest } from '../execution/run.executor.js';
import { type EndedRun } from '../history/run.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { Alarm } from '../timing/alarm.js';
import { type Clock } from '../timing/clock.js';
import { type WorkerCondition, type WorkerInfo, type WorkerState } from '../worker/worker-info.js';
import { SchedulerStoppedError, WorkerBusyError } from './scheduler.errors.js';

/** Intervals without a completed run after which a worker is stale. */
const STALE_INTERVALS = 3;
/** Failures in a row after which it is failing. */
const FAILING_AFTER = 3;

/**
 * Drives one worker: waits for its slots, starts a run at each unless one is on, and keeps count.
 *
 * A wake-up that comes late (a blocked event loop, a suspended machine) yields one run, for the latest slot;
 * those before it are counted as missed. A slot that meets a run in progress is counted as skipped.
 */
export class WorkerLoop {
  private readonly alarm: Alarm;
  private active = false;
  private execution?: Execution;
  /** Up to here every slot is dealt with. */
  private cursor = 0;
  private startedAt = 0;

  private runCount = 0;
  private skippedCount = 0;
  private missedCount = 0;
  private consecutiveFailures = 0;
  private lastStart?: Date;
  /** The last run that has ended, and when. */
  private last?: EndedRun;
  private lastSuccess?: Date;

  constructor(
    readonly definition: WorkerDefinition,
    private readonly clock: Clock,
    private readonly executor: RunExecutor,
  ) {
    this.alarm = new Alarm(clock, () => this.tick());
  }

  start(): void {
    this.active = true;
    this.cursor = this.startedAt = this.clock.now();
    this.arm();
  }

  /** No more ticks, no more triggers. A run that is on goes on. */
  stop(): void {
    this.active = false;
    this.alarm.clear();
  }

  /** The run that is on now. */
  get current(): Execution | undefined {
    return this.execution;
  }

  /** @throws WorkerBusyError, SchedulerStoppedError */
  trigger(payload: unknown): Execution {
    if (!this.active) throw new SchedulerStoppedError(this.definition.name);
    if (this.execution) throw new WorkerBusyError(this.definition.name, this.execution.run.id);
    return this.run({ trigger: 'manual', payload });
  }

  info(): WorkerInfo {
    const { definition, execution, last, lastStart, lastSuccess } = this;
    return {
      name: definition.name,
      interval: definition.interval,
      running: this.active,
      ...(lastStart && { lastRun: lastStart }),
      ...(last?.error && { lastError: last.error.message }),
      runCount: this.runCount,
      state: this.state(),
      activeRuns: execution ? 1 : 0,
      ...(this.active && definition.schedule && { nextRun: new Date(definition.schedule.next(this.cursor)) }),
      ...(lastSuccess && { lastSuccess }),
      ...(last && { lastDurationMs: last.endedAt.getTime() - last.startedAt.getTime() }),
      consecutiveFailures: this.consecutiveFailures,
      skippedCount: this.skippedCount,
      missedCount: this.missedCount,
      ...(execution?.run.progress && { progress: execution.run.progress }),
      ...(execution && { holder: execution.run.replica }),
      critical: definition.critical,
      conditions: this.conditions(),
    };
  }

  private arm(): void {
    const { schedule } = this.definition;
    if (schedule) this.alarm.set(schedule.next(this.cursor));
  }

  private tick(): void {
    const schedule = this.definition.schedule!;
    const slot = schedule.latest(this.clock.now());
    this.missedCount += schedule.count(this.cursor, slot) - 1;
    this.cursor = slot;
    this.arm();
    if (this.execution) this.skippedCount++;
    else this.run({ trigger: 'schedule', slot });
  }

  private run(request: RunRequest): Execution {
    const execution = this.executor.execute(this.definition, request);
    this.execution = execution;
    this.lastStart = execution.run.startedAt;
    void execution.ended.then((run) => this.ended(run));
    return execution;
  }

  private ended(run: EndedRun): void {
    this.execution = undefined;
    this.last = run;
    this.runCount++;
    if (run.outcome === 'succeeded') {
      this.consecutiveFailures = 0;
      this.lastSuccess = run.endedAt;
    } else this.consecutiveFailures++;
  }

  private state(): WorkerState {
    if (this.execution) return this.execution.overdue ? 'stuck' : 'executing';
    return this.active ? 'idle' : 'stopped';
  }

  private conditions(): WorkerCondition[] {
    const conditions: WorkerCondition[] = [];
    const { interval, timeout = 0, schedule } = this.definition;
    const quiet = this.clock.now() - (this.last?.endedAt.getTime() ?? this.startedAt);
    if (this.active && schedule && quiet > STALE_INTERVALS * interval + timeout) conditions.push('stale');
    if (this.consecutiveFailures >= FAILING_AFTER) conditions.push('failing');
    if (this.execution?.overdue) conditions.push('stuck');
    return conditions;
  }
}
