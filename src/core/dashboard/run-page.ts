import { nextOf } from '../http/position.js';
import { type WirePage } from '../http/wire.js';
import { type RunRecorder } from '../history/run.recorder.js';
import { type RunQuery } from '../history/run.store.js';
import { showRunBriefly, type ShownRun } from './shown-run.js';

/**
 * A page of runs, newest first. It has a `next` when it is full, and when a search for which there is no index has stopped
 * before its end.
 */
export async function pageOfRuns(recorder: RunRecorder, query: RunQuery): Promise<WirePage<ShownRun>> {
  const runs = await recorder.find(query);
  const last = runs.length === query.limit ? runs.at(-1) : await recorder.searchedTo(query);
  return {
    items: runs.map(showRunBriefly),
    ...(last && { next: nextOf({ at: last.startedAt, id: last.id }) }),
  };
}
