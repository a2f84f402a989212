import { describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { instancesIn } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { postmasterOf, runs } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';
import { expectCleanStop, remainsOf, startRunInFlight } from '../support/run-in-flight.js';

describe('a signal to the app', () => {
  const workbench = appWorkbench();

  it('lets a run in flight finish, then stops the database, and leaves the fleet running', async () => {
    const inFlight = await startRunInFlight(workbench);
    const { app, dataDirectory, lost, kept } = inFlight;
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });

    await expectCleanStop(dataDirectory, kept);
    const { run, deletions, instances } = await remainsOf(inFlight);
    expect(run).toEqual({ outcome: 'succeeded', error: null });
    expect(deletions).toEqual([expect.objectContaining({ instanceId: lost.id })]);
    expect(instances).toEqual(kept);
  });

  it('aborts a run that takes longer than the drain deadline; the next start finishes its work', async () => {
    const inFlight = await startRunInFlight(workbench, { env: { DRAIN_TIMEOUT: '100ms' } });
    const { app, dataDirectory, fleet, lost, kept } = inFlight;
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });

    await expectCleanStop(dataDirectory, kept);
    const { run, deletions, instances } = await remainsOf(inFlight);
    expect(run).toMatchObject({ outcome: 'aborted', error: { message: expect.stringContaining('drain') } });
    expect(deletions).toEqual([]);
    expect(instances.find(({ id }) => id === lost.id)).toMatchObject({ state: 'destroying' });

    await fleetFile(join(fleet, '..'), { steady: { replicas: 2 } });
    const again = workbench.start(dataDirectory, { env: { FLEET: fleet } });
    await again.said(/2 instances are running/);
    const database = await embeddedDatabase(dataDirectory);
    await eventually(async () => (await instancesIn(database)).length === 2);
    expect(await instancesIn(database)).toEqual(kept);
  });

  it('may be repeated: the run is not cut short', async () => {
    const inFlight = await startRunInFlight(workbench);
    const { app, dataDirectory, kept } = inFlight;
    app.kill('SIGINT');
    await app.said(/Shutting down/);
    app.kill('SIGINT');
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });

    await expectCleanStop(dataDirectory, kept);
    expect((await remainsOf(inFlight)).run).toMatchObject({ outcome: 'succeeded' });
  });

  it('may come while it starts', async () => {
    const dataDirectory = join(await workbench.directory(), 'data');
    const app = workbench.start(dataDirectory);
    await eventually(async () => (await readdir(dataDirectory).catch(() => [''])).includes('postgres'));
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
    await expectCleanStop(dataDirectory);
  });

  it('may come when the embedded database is gone already', async () => {
    const { app, dataDirectory } = await startRunInFlight(workbench);
    const pid = await postmasterOf(dataDirectory);
    process.kill(pid, 'SIGINT');
    await eventually(() => !runs(pid));
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
    await expectCleanStop(dataDirectory);
  });
});
