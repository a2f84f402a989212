import { beforeEach, describe, expect, it } from '@jest/globals';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { answerOf, type InstanceRow, instancesIn } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';
import { runs } from '../support/processes.js';
import { embeddedDatabase } from '../support/query.js';

/** Milliseconds: what is promised, and what a machine full of other tests may make of it. */
const PROMISED = 2_000;
const PATIENCE = 15_000;

describe('an instance that is killed', () => {
  const workbench = appWorkbench();
  let dataDirectory: string;
  let app: AppProcess;
  let database: string;
  let env: { FLEET: string };

  beforeEach(async () => {
    const directory = await workbench.directory();
    dataDirectory = `${directory}/data`;
    env = { FLEET: await fleetFile(directory, { web: { replicas: 2 } }) };
    app = workbench.start(dataDirectory, { env });
    await app.said(/2 instances are running/);
    database = await embeddedDatabase(dataDirectory);
  });

  /** Kills it, and says after how many milliseconds it runs again by its row. */
  async function kill({ id, pid }: InstanceRow): Promise<{ after: number; again: InstanceRow }> {
    process.kill(pid, 'SIGKILL');
    const killed = performance.now();
    const again = await eventually(async () => {
      const row = (await instancesIn(database)).find((each) => each.id === id)!;
      return row.state === 'running' && row.pid !== pid && runs(row.pid) ? row : undefined;
    }, PATIENCE);
    return { after: performance.now() - killed, again };
  }

  const note = (what: string, after: number) => {
    if (after > PROMISED)
      console.warn(`${what}: running again after ${Math.round(after)} ms, on this machine`);
  };

  it('runs again within two seconds, at its address, and nothing else is touched', async () => {
    const [victim, other] = await instancesIn(database);
    await answerOf(victim!.url);
    const { after, again } = await kill(victim!);
    note('a child of this app', after);
    expect(again.url).toBe(victim!.url);
    expect(await answerOf(again.url)).toBeDefined();
    expect((await instancesIn(database)).find(({ id }) => id === other!.id)).toEqual(other);
    const { body } = await app.get<{ items: { type: string }[] }>('/events?limit=2');
    expect(body.items.map(({ type }) => type)).toEqual(['instance.recovered', 'instance.drifted']);
  });

  it('does so also when an earlier run of the app has started it', async () => {
    app.kill('SIGKILL');
    await app.exit;
    app = workbench.start(dataDirectory, { env });
    await app.said(/2 instances are running/);
    const [, victim] = await instancesIn(database);
    const { after } = await kill(victim!);
    note('a process of an earlier run', after);
  });

  it('is started again when it was killed while the app was away', async () => {
    const [victim] = await instancesIn(database);
    app.kill('SIGKILL');
    await app.exit;
    process.kill(victim!.pid, 'SIGKILL');
    await eventually(() => !runs(victim!.pid));
    app = workbench.start(dataDirectory, { env });
    await eventually(async () => {
      const [row] = await instancesIn(database);
      return row!.pid !== victim!.pid && runs(row!.pid);
    }, PATIENCE);
  });
});
