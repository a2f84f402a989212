import { Injectable } from '@nestjs/common';
import { RunAbortedError, RunCancelledError } from '../../core/execution/execution.errors.js';
import { type Execution } from '../../core/execution/execution.js';
import { RunExecutor } from '../../core/execution/run.executor.js';
import { newRunId } from '../../core/execution/run-id.js';
import { journalOf } from '../../core/execution/run-journal.js';
import { StaleRunError } from '../../core/coordination/coordination.errors.js';
import { type EndedRun } from '../../core/history/run.js';
import { RunRecorder } from '../../core/history/run.recorder.js';
import { cancelledRun } from '../../core/scheduler/cancelled-run.js';
import { WorkerEvents } from '../../core/scheduler/worker-events.js';
import { classAndMessageOf, summaryOf } from '../../core/text/describe-error.js';
import { Clock, type Timer } from '../../core/timing/clock.js';
import { inRootContext } from '../../core/timing/root-context.js';
import { type Cancellation } from '../../core/worker/cancellation.js';
import { type RunContext, type RunTrigger } from '../../core/worker/run-context.js';
import { type WorkerDefinition } from '../../core/registry/worker-definition.js';
import { type HeldSchedule } from './held-schedule.js';
import { type StartingTurn } from './next-turn.js';
import { type ScheduleClaim, type ScheduleRun, ScheduleStore } from './schedule.store.js';
import { type StoreTime } from './store-time.js';

/** The reason of a signal when the next slot has come, with overlap `cancelRunning`. */
class SlotCameError extends RunAbortedError {
  constructor(handler: string) {
    super(handler, 'is followed by its next slot');
  }
}

/** Runs the handler of a claimed schedule as any worker is run: with its timeout, its signal, its record. */
@Injectable()
export class ScheduledRuns {
  constructor(
    private readonly executor: RunExecutor,
    private readonly recorder: RunRecorder,
    private readonly events: WorkerEvents,
    private readonly clock: Clock,
    private readonly store: ScheduleStore,
  ) {}

  async run(held: HeldSchedule, { slot, attempt }: StartingTurn, time: StoreTime): Promise<ScheduleRun> {
    const { claim, handler } = held;
    const { definition, payload } = withPayload(handler.definition, claim);
    const now = time.now();
    const execution = this.executor.execute(definition, {
      trigger: triggerOf(claim, attempt),
      ...(slot !== null && { slot }),
      key: claim.key,
      scheduledAt: claim.triggeredAt ?? claim.turn?.plannedAt ?? now,
      attempt,
      payload,
      ...(claim.triggeredBy !== null && { actor: claim.triggeredBy }),
      claimed: {
        fencingToken: claim.token,
        assertCurrent: async (manager) => {
          const current = await this.store.assertCurrent(claim, manager);
          if (!current) throw new StaleRunError(handler.name, execution.run.id, claim.token);
        },
      },
      time,
      scope: inRootContext,
    });
    held.execution = execution;
    this.events.started(execution.run);
    const cancel = this.cancelLater(held, time);
    const run = await execution.ended;
    cancel?.cancel();
    this.events.ended(run);
    return scheduleRunOf(run, execution.abortReason instanceof SlotCameError);
  }

  abort(held: readonly HeldSchedule[]): void {
    for (const { execution, handler } of held)
      execution?.abort(new RunAbortedError(handler.name, 'was cut off: the application shuts down'));
  }

  cancel(execution: Execution, by: Cancellation): void {
    const { run, abortReason } = execution;
    if (!run.endedAt && abortReason === undefined) execution.abort(new RunCancelledError(run.worker, by));
  }

  /** Records one that was cancelled before it started. */
  cancelled({ claim, handler }: HeldSchedule, by: Cancellation, now: number): ScheduleRun {
    const { triggeredAt, triggeredBy, turn, attempt, key, token } = claim;
    const waiting = {
      worker: handler.name,
      trigger: triggerOf(claim, attempt),
      attempt,
      requestedAt: triggeredAt ?? turn?.plannedAt ?? now,
      ...(triggeredBy !== null && { actor: triggeredBy }),
    };
    const run: EndedRun = {
      ...cancelledRun(newRunId(), waiting, by, this.recorder.replica, now),
      ...(triggeredAt === null && turn && { slot: new Date(turn.slot) }),
      key,
      fencingToken: token,
    };
    journalOf(handler.definition, this.recorder, false).record(run);
    return scheduleRunOf(run, false);
  }

  private cancelLater(held: HeldSchedule, time: StoreTime): Timer | undefined {
    const at = held.turn.cancelAt;
    return at === undefined
      ? undefined
      : this.clock.setTimer(
          () => held.execution?.abort(new SlotCameError(held.handler.name)),
          at - time.now(),
        );
  }
}

function triggerOf({ triggeredAt }: Pick<ScheduleClaim, 'triggeredAt'>, attempt: number): RunTrigger {
  return triggeredAt !== null ? 'manual' : attempt > 1 ? 'retry' : 'schedule';
}

function scheduleRunOf(run: EndedRun, gaveWay: boolean): ScheduleRun {
  const { id, outcome, startedAt, endedAt, error } = run;
  return {
    outcome: outcome === 'running' ? 'lost' : gaveWay && outcome === 'aborted' ? 'cancelled' : outcome,
    id,
    startedAt: startedAt.getTime(),
    endedAt: endedAt.getTime(),
    error: error && summaryOf(error),
  };
}

/** A payload that cannot be read, as somebody wrote it into the table, fails its own run. */
function withPayload(
  definition: WorkerDefinition,
  { key, group, payload: json }: HeldSchedule['claim'],
): { definition: WorkerDefinition; payload: unknown } {
  let payload: unknown;
  let unreadable: Error | undefined;
  try {
    if (json !== null) payload = JSON.parse(json);
  } catch (error) {
    unreadable = new Error(`The payload of schedule "${key}" is no JSON: ${classAndMessageOf(error)}`);
  }
  const run = (context: RunContext): unknown => {
    if (unreadable) throw unreadable;
    return definition.run(Object.assign(context, { key, group: group ?? undefined }));
  };
  return { definition: { ...definition, run }, payload };
}
