import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
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

  it('is not held up by clients that have connected and say nothing, longer than the drain may take', async () => {
    const dataDirectory = join(await workbench.directory(), 'data');
    const FLEET = await fleetFile(join(dataDirectory, '..'), { steady: { replicas: 1 } });
    const app = workbench.start(dataDirectory, { env: { FLEET, DRAIN_TIMEOUT: '1s' } });
    const { hostname, port } = new URL(await app.url());
    const silent = connect(Number(port), hostname);
    const slow = connect(Number(port), hostname);
    for (const socket of [silent, slow]) await once(socket, 'connect');
    slow.write('GET /health HTTP/1.1\r\nHost: localh');
    const begin = performance.now();
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
    // Without the deadline it was a minute for the one, and for ever for the other.
    expect(performance.now() - begin).toBeLessThan(20_000);
    await expectCleanStop(dataDirectory);
    for (const socket of [silent, slow]) socket.destroy();
  });

  it('ends it at once when it comes again after a while; the next start takes over what is left', async () => {
    const inFlight = await startRunInFlight(workbench, { stopAfter: 60_000 });
    const { app, dataDirectory, fleet } = inFlight;
    app.kill('SIGINT');
    await app.said(/Shutting down/);
    app.kill('SIGINT'); // the same Ctrl-C, passed on by npm
    await pause(1_500);
    expect((await app.get('/workers')).status).toBe(200);
    app.kill('SIGINT');
    expect(await app.exit).toEqual({ code: 1, signal: null });
    expect(app.output).toContain('Ending at once');

    await fleetFile(join(fleet, '..'), { steady: { replicas: 2 } });
    const again = workbench.start(dataDirectory, { env: { FLEET: fleet } });
    await again.said(/2 instances are running/);
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
