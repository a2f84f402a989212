import { eventually } from './eventually.js';
import { query } from './query.js';

/** An instance as it is stored. */
export interface InstanceRow {
  id: string;
  workload: string;
  workload_id: string;
  state: string;
  pid: number;
  url: string;
}

/** The instances of an app's database with the names of their workloads, oldest first. */
export function instancesIn(databaseUrl: string): Promise<InstanceRow[]> {
  return query<InstanceRow>(
    databaseUrl,
    `SELECT i.id, w.name AS workload, i.workload_id, i.state, i.ref::int AS pid,
       'http://127.0.0.1:' || (i.endpoints -> 0 ->> 'port') AS url
     FROM instances i LEFT JOIN workloads w ON w.id = i.workload_id
     ORDER BY i.created_at, i.id`,
  );
}

/** Removes a workload behind the app's back, as a crash or a hand does. Returns its id. */
export async function loseWorkload(databaseUrl: string, name: string): Promise<string> {
  const [row] = await query<{ id: string }>(
    databaseUrl,
    'DELETE FROM workloads WHERE name = $1 RETURNING id',
    [name],
  );
  return row!.id;
}

/** What was told of deletions, as pairs of instance and payload. */
export async function deletionsIn(databaseUrl: string): Promise<Record<string, unknown>[]> {
  const rows = await query<{ payload: Record<string, unknown> }>(
    databaseUrl,
    `SELECT payload FROM events WHERE type = 'instance.deleted' ORDER BY seq`,
  );
  return rows.map(({ payload }) => payload);
}

/** What an instance says over HTTP. It runs a moment before it listens. */
export function answerOf(url: string): Promise<string> {
  return eventually(() =>
    fetch(url).then(
      (response) => response.text(),
      () => undefined,
    ),
  );
}
