import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { answerOf, deletionsIn, type InstanceRow, instancesIn, loseWorkload } from '../support/fleet.js';
import { itWith } from '../support/needs.js';
import { environmentOf, listeningAddresses, runs } from '../support/processes.js';

/** Milliseconds, as `examples/fleet.yaml` sets them; the rest is for the deletion itself and a busy machine. */
const [GRACE, INTERVAL, DELETION] = [10_000, 5_000, 10_000];

describe('an app with DATABASE_URL', () => {
  const workbench = appWorkbench(afterAll);
  let database: TestDatabase;
  let dataDirectory: string;
  let app: AppProcess;
  let instances: InstanceRow[];

  beforeAll(async () => {
    database = await createTestDatabase();
    dataDirectory = join(await workbench.directory(), 'data');
    app = workbench.start(dataDirectory, { env: { DATABASE_URL: database.url } });
    await app.said(/5 instances are running/);
    instances = await instancesIn(database.url);
  });
  afterAll(() => database.drop());

  it('uses that database, and embeds none', async () => {
    expect(instances).toHaveLength(5);
    expect((await readdir(dataDirectory)).filter((name) => name.includes('postgres'))).toEqual([]);
    expect(app.output).not.toContain('npm run sql');
  });

  itWith('proc', 'keeps its password from the instances, and from what it says', async () => {
    const { password } = new URL(database.url);
    for (const { pid } of instances) expect(await environmentOf(pid)).not.toContain(password);
    expect(app.output).not.toContain(password);
    expect(new Set(await listeningAddresses([app.pid]))).toEqual(new Set(['127.0.0.1']));
  });

  it('ends what a workload whose row was deleted has left behind, and tells it once for each', async () => {
    const lost = instances.filter(({ workload }) => workload === 'web');
    const kept = instances.filter(({ workload }) => workload !== 'web');
    const workloadId = await loseWorkload(database.url, 'web');

    await eventually(() => lost.every(({ pid }) => !runs(pid)), GRACE + INTERVAL + DELETION);
    await eventually(async () => (await instancesIn(database.url)).length === kept.length);

    expect(await deletionsIn(database.url)).toEqual(
      expect.arrayContaining(
        lost.map(({ id }) => expect.objectContaining({ instanceId: id, workloadId, reason: 'orphan_swept' })),
      ),
    );
    expect(await deletionsIn(database.url)).toHaveLength(lost.length);
    // Whole rows: nobody touched the others.
    expect(await instancesIn(database.url)).toEqual(kept);
    for (const { url, pid } of kept) expect(JSON.parse(await answerOf(url))).toMatchObject({ pid });
  });

  it('shows what it swept in the record of the run', async () => {
    const { body } = await app.get<{ items: { progress?: { message: string } }[] }>('/workers/gc/runs');
    expect(body.items.map(({ progress }) => progress?.message)).toContainEqual(
      expect.stringMatching(/2 of 2 orphans deleted|1 of 1 orphans deleted/),
    );
  });
});
