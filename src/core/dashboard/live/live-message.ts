import { type Run, withoutLog } from '../../history/run.js';
import { showRun } from '../shown-run.js';
import { showWorker, type ShownWorker, type ShownWorkers } from '../shown-worker.js';
import { inTurns } from './in-turns.js';
import { type ChangedRuns } from './run-changes.js';

/** Most characters of an error in the stream; `GET /runs/:id` has the whole error. */
const LONGEST_ERROR = 300;

/** A worker, and its JSON, which is compared and sent. */
interface LiveWorker {
  readonly shown: ShownWorker;
  readonly json: string;
}

/** The workers, by name. */
export interface LiveState {
  readonly source: ShownWorkers['source'];
  readonly coordinated: boolean;
  readonly workers: ReadonlyMap<string, LiveWorker>;
}

/** What took how much of the event loop. */
interface Timed {
  /** Milliseconds. */
  readonly spent: number;
}

/** @param before whose JSON is taken of workers that are shown as then */
export async function stateOf(
  { source, coordinated, workers }: ShownWorkers<() => ShownWorker | undefined>,
  before?: LiveState,
): Promise<LiveState & Timed> {
  const live = new Map<string, LiveWorker>();
  const spent = await inTurns(workers, (look) => {
    const shown = look();
    if (!shown) return;
    const known = before?.workers.get(shown.name);
    live.set(
      shown.name,
      known && isSame(known.shown, shown) ? known : { shown, json: JSON.stringify(showWorker(shown)) },
    );
  });
  return { source, coordinated, workers: live, spent };
}

/** A message with everything: `{ at, source, coordinated, workers }`. */
export function snapshotMessage({ source, coordinated, workers }: LiveState): Buffer {
  return message(
    'snapshot',
    `"source":"${source}","coordinated":${coordinated},"workers":[${textOf([...workers.values()])}]`,
  );
}

/** A message with the changes: `{ at, source, workers, removed, runs, more, incidents }`. Undefined when there are none. */
export async function changeMessage(
  before: LiveState,
  after: LiveState,
  { runs, more, incidents }: ChangedRuns & { readonly incidents: boolean },
): Promise<(Timed & { message: Buffer }) | undefined> {
  const changed = [...after.workers.values()].filter(
    ({ shown, json }) => before.workers.get(shown.name)?.json !== json,
  );
  const removed = [...before.workers.keys()].filter((name) => !after.workers.has(name));
  const others = more || incidents || before.source !== after.source;
  if (!changed.length && !removed.length && !runs.length && !others) return undefined;
  const texts: string[] = [];
  const spent = await inTurns(runs, (run) => texts.push(JSON.stringify(shownBriefly(run))));
  const fields =
    `"source":"${after.source}","workers":[${textOf(changed)}],"removed":${JSON.stringify(removed)},` +
    `"runs":[${texts.join(',')}],"more":${more},"incidents":${incidents}`;
  return { message: message('change', fields), spent };
}

/** The last message, when the server ends the stream. */
export const END_MESSAGE = 'event: end\ndata: {"reason":"shutdown"}\n\n';

function textOf(workers: readonly LiveWorker[]): string {
  return workers.map(({ json }) => json).join(',');
}

/** In bytes: as text it would be encoded again for each client. */
function message(event: string, fields: string): Buffer {
  return Buffer.from(`event: ${event}\ndata: {"at":"${new Date().toISOString()}",${fields}}\n\n`);
}

/**
 * Whether a worker is shown as before: most are, and to compare their fields takes a tenth of the time that their JSON takes.
 * Values that are objects count as changed unless they are the same; their JSON then says whether they are.
 */
function isSame(before: ShownWorker, now: ShownWorker): boolean {
  if (before === now) return true;
  const [then, fields] = [before, now] as unknown as Record<string, unknown>[];
  let count = 0;
  for (const name in fields) {
    count++;
    const [a, b] = [then![name], fields[name]];
    if (a === b) continue;
    if (a instanceof Date && b instanceof Date && a.getTime() === b.getTime()) continue;
    if (Array.isArray(a) && Array.isArray(b) && a.length === 0 && b.length === 0) continue;
    return false;
  }
  return Object.keys(then!).length === count;
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
