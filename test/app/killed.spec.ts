import { beforeEach, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { answerOf, deletionsIn, type InstanceRow, instancesIn, loseWorkload } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { postmasterOf, runs } from '../support/processes.js';
import { embeddedDatabase, query } from '../support/query.js';

/** Milliseconds after which a run whose process answers no more is lost: its last heartbeat, and our next look. */
const LOST_WITHIN = 15_000;

interface RunRow {
  id: string;
  outcome: string;
}

describe('an app that is killed while the garbage collector deletes', () => {
  const workbench = appWorkbench();
  let dataDirectory: string;
  let app: AppProcess;
  let fleet: string;
  let before: InstanceRow[];
  let workloadId: string;
  let postmaster: number;
  /** The run that was cut, as it was recorded right before. */
  let cut: RunRow;

  const orphansOf = (instances: InstanceRow[]) =>
    instances.filter(({ workload_id }) => workload_id === workloadId);
  const othersOf = (instances: InstanceRow[]) =>
    instances.filter(({ workload_id }) => workload_id !== workloadId);

  beforeEach(async () => {
    const directory = await workbench.directory();
    dataDirectory = join(directory, 'data');
    fleet = await fleetFile(directory, { steady: { replicas: 3 }, lost: { replicas: 6, stopAfter: 700 } });
    app = workbench.start(dataDirectory, { env: { FLEET: fleet } });
    await app.said(/9 instances are running/);
    const database = await embeddedDatabase(dataDirectory);
    before = await instancesIn(database);
    // Before that they do not know that they should take their time to end.
    await Promise.all(before.map(({ url }) => answerOf(url)));
    postmaster = await postmasterOf(dataDirectory);

    workloadId = await loseWorkload(database, 'lost');
    // One is gone, and the next is being ended: the kill meets the run in the middle of its work.
    await eventually(async () => (await deletionsIn(database)).length > 0);
    await eventually(async () => (await instancesIn(database)).some(({ state }) => state === 'destroying'));
    [cut] = (await app.get<{ items: [RunRow] }>('/workers/gc/runs?limit=1')).body.items;
    expect(cut.outcome).toBe('running');
    app.kill('SIGKILL');
    await app.exit;
  });

  async function startAgain(): Promise<{ app: AppProcess; database: string }> {
    // Without the workload that was lost: by its name it would be made anew.
    await fleetFile(join(fleet, '..'), { steady: { replicas: 3 } });
    const again = workbench.start(dataDirectory, { env: { FLEET: fleet } });
    await again.said(/3 instances are running/);
    return { app: again, database: await embeddedDatabase(dataDirectory) };
  }

  it('loses and leaks nothing: the next start finishes the sweep, and everything else is as it was', async () => {
    const database = await embeddedDatabase(dataDirectory);
    const left = await instancesIn(database); // the database goes on
    for (const { pid, id } of before) if (runs(pid)) expect(left.map((row) => row.id)).toContain(id);

    const { app: again } = await startAgain();
    expect(await postmasterOf(dataDirectory)).toBe(postmaster);
    expect(await embeddedDatabase(dataDirectory)).toBe(database);

    await eventually(async () => orphansOf(await instancesIn(database)).length === 0, 30_000);
    const orphans = orphansOf(before);
    expect(orphans.filter(({ pid }) => runs(pid))).toEqual([]);
    const told = await deletionsIn(database);
    expect(told.map(({ instanceId }) => instanceId).sort()).toEqual(orphans.map(({ id }) => id).sort());
    for (const event of told) expect(event).toMatchObject({ workloadId, reason: 'orphan_swept' });

    expect(await instancesIn(database)).toEqual(othersOf(before));
    expect((await readdir(join(dataDirectory, 'instances'))).filter((name) => name !== 'store-id')).toEqual(
      othersOf(before).map(({ id }) => id),
    );
    for (const { url, pid } of othersOf(before)) expect(await answerOf(url)).toBe(String(pid));

    const run = await eventually(async () => {
      const { body } = await again.get<{ items: RunRow[] }>('/workers/gc/runs?limit=1000');
      return body.items.find(({ id, outcome }) => id === cut.id && outcome !== 'running');
    }, LOST_WITHIN);
    expect(run).toMatchObject({ outcome: 'lost', ended_at: expect.any(String) });
    expect((await again.get('/health')).body).toMatchObject({ status: 'ok' });
  });

  it('starts on a database that was killed with it', async () => {
    process.kill(postmaster, 'SIGKILL');
    await eventually(() => !runs(postmaster));

    const { app: again, database } = await startAgain();
    expect(await postmasterOf(dataDirectory)).not.toBe(postmaster);
    await eventually(async () => (await instancesIn(database)).length === 3, 30_000);
    expect(await instancesIn(database)).toEqual(othersOf(before));
    const orphans = orphansOf(before);
    expect((await deletionsIn(database)).map(({ instanceId }) => instanceId).sort()).toEqual(
      orphans.map(({ id }) => id).sort(),
    );
    expect(orphans.filter(({ pid }) => runs(pid))).toEqual([]);
    const { body } = await again.get<{ items: RunRow[] }>('/workers/gc/runs?limit=1000');
    expect(body.items.map(({ id }) => id)).toContain(cut.id);
    expect(await query(database, 'SELECT count(*)::int AS n FROM workloads')).toEqual([{ n: 1 }]);
  });
});
