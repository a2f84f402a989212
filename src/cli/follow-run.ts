import { sleep } from '../core/timing/timer.js';
import { type Run, type Worker } from '../core/dashboard/api-shapes.js';
import { type ApiClient, pathOf } from './api-client.js';
import { CommandError, EXIT } from './exit-codes.js';

export interface FollowTimes {
  /** Milliseconds between two looks. */
  readonly lookEvery: number;
  /** Milliseconds for which the application may be away, or the run may not begin although its worker is idle. */
  readonly patience: number;
}

const TIMES: FollowTimes = { lookEvery: 500, patience: 60_000 };

/**
 * Looks at a run until it has ended.
 * @param look called with the run as it is; undefined: it waits, or the application is away
 * @throws CommandError when it is recorded no longer or does not begin, and when the application refuses or stays away
 */
export async function followRun(
  api: Pick<ApiClient, 'get'>,
  { id, worker }: { id: string; worker: string },
  look: (run: Run | undefined) => void,
  { lookEvery, patience }: FollowTimes = TIMES,
): Promise<Run> {
  let seen = false;
  /** Since when there is no sign of it. */
  let since: number | undefined;
  for (;;) {
    let run: Run | undefined;
    let fault: CommandError | undefined;
    try {
      run = await runOf(api, id);
      if (run && run.outcome !== 'running') return run;
      if (!run && seen) throw new CommandError(`Run ${id} is recorded no longer`, EXIT.failed);
      if (!run && (await isIdle(api, worker))) fault = unbegun(id, worker, patience);
    } catch (error) {
      if (!(error instanceof CommandError && error.exitCode === EXIT.unavailable)) throw error;
      fault = error;
    }
    seen ||= run !== undefined;
    since = fault && (since ?? performance.now());
    if (fault && performance.now() - since! >= patience) throw fault;
    look(run);
    await sleep(lookEvery);
  }
}

/** Undefined while it waits for its turn, or for a replica to take it. */
async function runOf(api: Pick<ApiClient, 'get'>, id: string): Promise<Run | undefined> {
  try {
    return await api.get<Run>(`runs/${pathOf(id)}`);
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === EXIT.refused) return undefined;
    throw error;
  }
}

async function isIdle(api: Pick<ApiClient, 'get'>, worker: string): Promise<boolean> {
  return (await api.get<Worker>(`workers/${pathOf(worker)}`)).active_runs === 0;
}

/** A run that was dropped leaves no record, and neither does one that waits for a replica with a free place. */
function unbegun(id: string, worker: string, patience: number): CommandError {
  return new CommandError(
    `Run ${id} has not begun within ${patience / 1_000} s although "${worker}" is idle: it was dropped, as a newer one or a pause does, or no replica has a place for it`,
    EXIT.failed,
  );
}
