import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { answerOf, type InstanceRow, instancesIn } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { postmasterOf } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';

describe('a second app', () => {
  const workbench = appWorkbench(afterAll);
  let dataDirectory: string;
  let fleet: string;
  let first: AppProcess;
  let before: { instances: InstanceRow[]; postmaster: number; files: string[] };

  const look = async () => ({
    instances: await instancesIn(await embeddedDatabase(dataDirectory)),
    postmaster: await postmasterOf(dataDirectory),
    files: await readdir(dataDirectory),
  });

  beforeAll(async () => {
    const directory = await workbench.directory();
    dataDirectory = join(directory, 'data');
    fleet = await fleetFile(directory, { web: { replicas: 2 } });
    first = workbench.start(dataDirectory, { env: { FLEET: fleet } });
    await first.said(/2 instances are running/);
    before = await look();
  });

  async function expectFirstUnharmed(): Promise<void> {
    expect(await look()).toEqual(before);
    for (const { url, pid } of before.instances) expect(await answerOf(url)).toBe(String(pid));
    expect(await first.get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect((await first.get('/workers/gc/runs?limit=1')).status).toBe(200);
  }

  it('on the same data directory names the process that has it, and ends without touching anything', async () => {
    const { code, output } = await workbench.run(dataDirectory, { env: { FLEET: fleet } });
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringContaining(`${dataDirectory} is in use by process ${first.pid}`),
    });
    await expectFirstUnharmed();
  });

  it('may not take the fleet down under the first', async () => {
    const { code, output } = await workbench.run(dataDirectory, {
      script: 'fleet:down',
      env: { FLEET: fleet },
    });
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(`by process ${first.pid}`) });
    await expectFirstUnharmed();
  });

  it('on the same port says which one, and leaves nothing behind', async () => {
    const { port } = new URL(await first.url());
    const other = join(await workbench.directory(), 'data');
    const { code, output } = await workbench.run(other, { env: { FLEET: fleet, PORT: port } });
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringContaining(`Port ${port} of 127.0.0.1 is in use`),
    });
    await expect(readdir(other)).rejects.toThrow('ENOENT');
    await expectFirstUnharmed();
  });
});
