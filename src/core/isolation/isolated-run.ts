import { conveyed } from '../worker/conveyed-run.js';
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
  return { ...conveyed(run), attempt: run.attempt };
}
