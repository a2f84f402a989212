import { type QueryParameter } from '../http/query.pipe.js';
import { type Wire } from '../http/wire.js';
import { type RunHandle } from '../scheduler/run-handle.js';
import { parseDuration } from '../timing/duration.js';
import { sleep } from '../timing/timer.js';
import { endedSchema } from './openapi-schemas.js';
import { showRun, type ShownRun } from './shown-run.js';

/** Milliseconds. Many proxies cut off a request that stays open longer. */
const LONGEST_WAIT = 300_000;

/** Answer to a request that starts a run: its id, or the ended run. */
export type StartedRun = { run_id: string } | (Wire<ShownRun> & { run_id: string });

/** A response of Express or of Fastify. */
export interface HasStatus {
  status(code: number): unknown;
}

/** `wait=30s`: up to five minutes; undefined when it is left out. */
export function waitTime(): QueryParameter<number | undefined> {
  return (given) => {
    if (given === undefined) return undefined;
    let ms: number | undefined;
    try {
      ms = parseDuration(/^\d+$/.test(given) ? Number(given) : (given as '1s'));
    } catch {
      // Reported below.
    }
    if (ms !== undefined && ms > 0 && ms <= LONGEST_WAIT) return ms;
    throw new Error('give how long to wait, such as 30s, at most 5m');
  };
}

export const waitQuery = {
  wait: { type: 'string', description: 'How long to wait for its end, such as 30s; at most 5m' },
};

/** The answer of `answerWith` when the run has ended within `wait`. */
export const endedAnswer = { description: 'With `wait`: the run, which has ended', schema: endedSchema };

/**
 * Waits for the end of the run, if `wait` is given: answers 200 and the run, or 202 when it has not ended by then.
 * @throws RunDroppedError, RunUnknownError when it never starts
 */
export async function answerWith(
  { runId, ended }: RunHandle,
  wait: number | undefined,
  response: HasStatus,
): Promise<StartedRun> {
  if (wait === undefined) return { run_id: runId };
  const over = new AbortController();
  const late = sleep(wait, over.signal).catch(() => undefined);
  const run = await Promise.race([ended, late]).finally(() => over.abort());
  if (!run) return { run_id: runId };
  response.status(200);
  return { run_id: runId, ...showRun(run) };
}
