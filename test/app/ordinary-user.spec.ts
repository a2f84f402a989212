import { expect, it } from '@jest/globals';
import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { answerOf, instancesIn, loseWorkload } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { describeWith } from '../support/needs.js';
import { ORDINARY_USER } from '../support/ordinary-user.js';
import { postmasterOf, runs } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';

describeWith('ordinary user', 'an app of an ordinary user', () => {
  const workbench = appWorkbench();

  it('runs its database and its fleet as that user, keeps it clean, and ends', async () => {
    const { uid = process.getuid!(), gid = process.getgid!() } = ORDINARY_USER!;
    const directory = await workbench.directory();
    const home = join(directory, 'home');
    await mkdir(home);
    await chown(home, uid, gid);
    const FLEET = await fleetFile(directory, { web: { replicas: 2 }, lost: { replicas: 1 } });
    const dataDirectory = join(home, 'data');
    const app = workbench.start(dataDirectory, { as: ORDINARY_USER, env: { HOME: home, FLEET } });
    await app.said(/3 instances are running/);

    const database = await embeddedDatabase(dataDirectory);
    const instances = await instancesIn(database);
    const pids = [app.pid, await postmasterOf(dataDirectory), ...instances.map(({ pid }) => pid)];
    for (const pid of pids) expect((await stat(`/proc/${pid}`)).uid).toBe(uid);
    for (const { url, pid } of instances) expect(await answerOf(url)).toBe(String(pid));

    await loseWorkload(database, 'lost');
    await eventually(async () => (await instancesIn(database)).length === 2);
    expect(instances.filter(({ pid }) => !runs(pid))).toHaveLength(1);

    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
  });
});
