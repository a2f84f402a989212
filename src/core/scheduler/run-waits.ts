import { type EndedRun } from '../history/run.js';
import { inRootContext } from '../timing/root-context.js';
import { RunContext } from '../worker/run-context.js';
import { type Loop } from './loop.js';
import { type RunHandle } from './run-handle.js';
import { type RunLimit } from './run-limit.js';
import { RunWaitsForItselfError } from './scheduler.errors.js';

/** A run that another run awaits. */
interface Awaited {
  readonly id: string;
  readonly loop: Loop;
}

/**
 * Runs that wait for runs which they have triggered. Reading `ended` of a handle inside a run counts as waiting: the
 * awaited run may use the place of the waiting one, and a wait that could never end is refused.
 */
export class RunWaits {
  /** By the id of the waiting run, the runs that it waits for. */
  private readonly waits = new Map<string, Set<Awaited>>();

  constructor(private readonly limit: RunLimit) {}

  /** The handle, with an `ended` that notes which run reads it. */
  watch({ runId, ended }: RunHandle, loop: Loop): RunHandle {
    const awaited = { id: runId, loop };
    let over = false;
    const settled = (): void => {
      over = true;
      this.limit.endLoan(runId);
    };
    ended.then(settled, settled);
    const awaitedEnd = (): Promise<EndedRun> => (over ? ended : this.wait(awaited, ended));
    return {
      runId,
      get ended() {
        return awaitedEnd();
      },
    };
  }

  private wait(awaited: Awaited, ended: Promise<EndedRun>): Promise<EndedRun> {
    const run = RunContext.current();
    if (!run) return ended;
    if (this.isBehind(awaited, run.runId, new Set())) {
      const refused = Promise.reject<EndedRun>(new RunWaitsForItselfError(run.worker, run.runId, awaited.id));
      refused.catch(() => {});
      return refused;
    }
    const waits = this.waits.get(run.runId) ?? new Set();
    this.waits.set(run.runId, waits.add(awaited));
    const over = (): void => {
      waits.delete(awaited);
      if (waits.size === 0) this.waits.delete(run.runId);
    };
    ended.then(over, over);
    inRootContext(() => this.limit.lend(run.runId, awaited.id, awaited.loop));
    return ended;
  }

  /** Whether the awaited run cannot end, or not even start, before the run `run` has ended. */
  private isBehind({ id, loop }: Awaited, run: string, seen: Set<string>): boolean {
    if (seen.has(id)) return false;
    seen.add(id);
    const isOn = loop.executions.some((execution) => execution.run.id === id);
    const before = isOn ? [id] : runsBefore(loop);
    return before.some(
      (other) =>
        other === run ||
        [...(this.waits.get(other) ?? [])].some((awaited) => this.isBehind(awaited, run, seen)),
    );
  }
}

/** Runs that have to end before another run of that worker starts. */
function runsBefore({ definition, executions }: Loop): string[] {
  return definition.overlap === 'allow' ? [] : executions.map(({ run }) => run.id);
}
