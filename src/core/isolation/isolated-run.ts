import { type RunContext } from '../worker/run-context.js';
import { type RunStart } from './messages.js';

/** An active run of the application, as isolation needs it. */
export interface IsolatedRun extends RunContext {
  /** Reason of its aborted signal; undefined before. */
  readonly abortReason: unknown;
  /** Called when its signal aborts. Cheaper than a listener at the signal, which is only made for those who ask for it. */
  whenAborted?: ((reason: unknown) => void) | undefined;
}

export function startOf(run: IsolatedRun): RunStart {
  const { worker, runId, slot, attempt, trigger, actor, scheduledAt, startedAt, payload, fencingToken } = run;
  return {
    worker,
    runId,
    slot: slot?.getTime(),
    attempt,
    trigger,
    actor,
    scheduledAt: scheduledAt.getTime(),
    startedAt: startedAt.getTime(),
    payload,
    fencingToken,
  };
}
