import { type Run, withoutLog } from '../../history/run.js';
import { showRun } from '../shown-run.js';
import { showWorker, type ShownWorkers } from '../shown-worker.js';
import { inTurns } from './in-turns.js';
import { type ChangedRuns } from './run-changes.js';

/** Most characters of an error in the stream; `GET /runs/:id` has the whole error. */
const LONGEST_ERROR = 300;

/** The JSON of each worker, by name: it is compared and sent. */
export interface LiveState {
  readonly source: ShownWorkers['source'];
  readonly coordinated: boolean;
  readonly workers: ReadonlyMap<string, string>;
}

export async function stateOf({ source, coordinated, workers }: ShownWorkers): Promise<LiveState> {
  const texts = new Map<string, string>();
  await inTurns(workers, (worker) => void texts.set(worker.name, JSON.stringify(showWorker(worker))));
  return { source, coordinated, workers: texts };
}

/** A message with everything: `{ at, source, coordinated, workers }`. */
export function snapshotMessage({ source, coordinated, workers }: LiveState): string {
  return message(
    'snapshot',
    `"source":"${source}","coordinated":${coordinated},"workers":[${[...workers.values()].join(',')}]`,
  );
}

/** A message with the changes: `{ at, source, workers, removed, runs, more }`. Undefined when there are none. */
export async function changeMessage(
  before: LiveState,
  after: LiveState,
  { runs, more }: ChangedRuns,
): Promise<string | undefined> {
  const changed: string[] = [];
  await inTurns(after.workers, ([name, json]) => {
    if (before.workers.get(name) !== json) changed.push(json);
  });
  const removed = [...before.workers.keys()].filter((name) => !after.workers.has(name));
  const told: string[] = [];
  await inTurns(runs, (run) => void told.push(JSON.stringify(shownBriefly(run))));
  if (!changed.length && !removed.length && !told.length && !more && before.source === after.source)
    return undefined;
  return message(
    'change',
    `"source":"${after.source}","workers":[${changed.join(',')}],` +
      `"removed":${JSON.stringify(removed)},"runs":[${told.join(',')}],"more":${more}`,
  );
}

/** The last message, when the server ends the stream. */
export const END_MESSAGE = 'event: end\ndata: {"reason":"shutdown"}\n\n';

function message(event: string, fields: string): string {
  return `event: ${event}\ndata: {"at":"${new Date().toISOString()}",${fields}}\n\n`;
}

function shownBriefly(run: Run): object {
  const { error, ...rest } = withoutLog(run);
  const shown = showRun(rest);
  if (!error) return shown;
  const { name, message: text } = error;
  return {
    ...shown,
    error: {
      ...(name !== undefined && { name }),
      message: text.length > LONGEST_ERROR ? `${text.slice(0, LONGEST_ERROR)}…` : text,
    },
  };
}
