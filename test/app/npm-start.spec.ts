import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';
import { runs } from '../support/processes.js';
import { expectCleanStop, remainsOf, startRunInFlight } from '../support/run-in-flight.js';

describe('npm start', () => {
  const workbench = appWorkbench();

  it('ends on SIGTERM as the app does, and npm run fleet:down then removes the fleet', async () => {
    const how = { npm: true, checkout: await workbench.checkout() };
    const inFlight = await startRunInFlight(workbench, how);
    const { app, dataDirectory, fleet, kept } = inFlight;
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
    await expectCleanStop(dataDirectory, kept);
    expect((await remainsOf(inFlight)).run).toMatchObject({ outcome: 'succeeded' });

    const down = await workbench.run(dataDirectory, { ...how, script: 'fleet:down', env: { FLEET: fleet } });
    expect(down).toMatchObject({
      code: 0,
      output: expect.stringContaining('Removed 1 workloads and 2 instances'),
    });
    expect(kept.filter(({ pid }) => runs(pid))).toEqual([]);
    expect(await readdir(join(dataDirectory, 'instances'))).toEqual(['store-id']);
    await expectCleanStop(dataDirectory);
    // Both commands build first.
  }, 300_000);
});

describeWith('terminal', 'npm start in a terminal', () => {
  const workbench = appWorkbench();

  it('ends on Ctrl-C: the run in flight finishes, then the database stops, and the fleet goes on', async () => {
    const checkout = await workbench.checkout();
    const inFlight = await startRunInFlight(workbench, { npm: true, terminal: true, checkout });
    const { app, dataDirectory, lost, kept } = inFlight;
    app.type('\x03');
    expect(await app.exit).toEqual({ code: 0, signal: null });

    await expectCleanStop(dataDirectory, kept);
    const { run, deletions, instances } = await remainsOf(inFlight);
    expect(run).toEqual({ outcome: 'succeeded', error: null });
    expect(deletions).toEqual([expect.objectContaining({ instanceId: lost.id })]);
    expect(instances).toEqual(kept);
  });

  it('ends in the same way when the terminal is closed', async () => {
    const inFlight = await startRunInFlight(workbench, { terminal: true });
    const { app, dataDirectory, kept } = inFlight;
    app.kill('SIGKILL');
    await app.exit;
    // What was started in the terminal is nobody's child now. Its lock is empty when it holds nothing any more.
    await eventually(async () => (await lockOf(dataDirectory)) === '', 20_000);

    await expectCleanStop(dataDirectory, kept);
    expect((await remainsOf(inFlight)).run).toMatchObject({ outcome: 'succeeded' });
  });
});

async function lockOf(dataDirectory: string): Promise<string> {
  const name = (await readdir(dataDirectory)).find((name) => name.startsWith('app.lock.'));
  return readFile(join(dataDirectory, name!), 'utf8');
}
