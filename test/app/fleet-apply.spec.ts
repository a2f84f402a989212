import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { runs } from '../support/processes.js';
import { embeddedDatabase, query } from '../support/query.js';

interface Row {
  name: string;
  version: string;
  state: string;
  pid: number;
}

describe('a fleet file that changes while the app runs', () => {
  const workbench = appWorkbench();
  let directory: string;
  let dataDirectory: string;
  let fleet: string;

  beforeEach(async () => {
    directory = await workbench.directory();
    dataDirectory = join(directory, 'data');
    fleet = join(directory, 'fleet.yaml');
  });

  /** A workload of that many, and a bootstrap service where it has a version. */
  const write = (version: string, replicas: number, bootstrap?: string) => {
    const program = (env: string) => ({ command: ['sleep', '86400'], env: { VERSION: env } });
    const services = bootstrap && [{ name: 'proxy', ...program(bootstrap) }];
    const tenant = {
      name: 'acme',
      datacenters: [{ name: 'main', bootstrap: services ? [{ name: 'ingress', services }] : [] }],
      workloads: [{ name: 'web', replicas, rollout: { minReady: '2s' }, ...program(version) }],
    };
    return writeFile(fleet, JSON.stringify({ tenants: [tenant] }));
  };
  const start = async (terminal = false): Promise<AppProcess> => {
    const app = workbench.start(dataDirectory, { env: { FLEET: fleet }, terminal });
    await app.said(/instances are running/);
    return app;
  };
  const fleetIs = (script: 'fleet:apply' | 'fleet:diff', ...args: string[]) =>
    workbench.run(dataDirectory, { script, args, env: { FLEET: fleet } });
  const rows = async (): Promise<Row[]> =>
    query<Row & Record<string, unknown>>(
      await embeddedDatabase(dataDirectory),
      `SELECT name, spec -> 'env' ->> 'VERSION' AS version, state, ref::int AS pid FROM instances
       ORDER BY name, created_at, id`,
    );
  const versions = async () => (await rows()).map(({ name, version }) => `${name} ${version}`);
  const becomes = (...expected: string[]) =>
    eventually(async () => JSON.stringify(await versions()) === JSON.stringify(expected), 90_000);

  it('is compared and applied by a command, workloads and bootstrap services, and then nothing differs', async () => {
    await write('1', 1);
    await start();
    await write('2', 2, '1');
    const diff = await fleetIs('fleet:diff');
    expect(diff).toMatchObject({ code: 0 });
    expect(diff.output).toBe('~ acme/main: bootstrap ingress\n~ acme/web: replicas 1 -> 2, spec\n');
    expect(await versions()).toEqual(['web 1']);
    expect(await fleetIs('fleet:apply', fleet)).toMatchObject({ code: 0 });
    await becomes('ingress-proxy 1', 'web 2', 'web 2');
    expect((await fleetIs('fleet:diff')).output).toBe('Nothing differs\n');
    await write('2', 2);
    await fleetIs('fleet:apply');
    await becomes('web 2', 'web 2');
    await writeFile(fleet, '{ "tenants": [{ "name": "acme", "workload": [] }] }');
    const wrong = await fleetIs('fleet:apply');
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.output).toMatch(/tenants\[0\]\.workload: unknown key/);
  });

  it('is applied again, although it is the same, when its update has failed', async () => {
    const mended = join(directory, 'mended');
    const release = (version: string, command: string[]) =>
      writeFile(
        fleet,
        JSON.stringify({
          tenants: [
            {
              name: 'acme',
              workloads: [
                {
                  name: 'web',
                  replicas: 1,
                  rollout: { minReady: '1s', progressDeadline: '3s' },
                  command,
                  env: { VERSION: version },
                },
              ],
            },
          ],
        }),
      );
    await release('1', ['sleep', '86400']);
    await start();
    await release('2', ['sh', '-c', `test -e ${mended} && exec sleep 86400`]);
    await fleetIs('fleet:apply');
    const failed = await eventually(async () => {
      const { output } = await fleetIs('fleet:diff');
      return output !== 'Nothing differs\n' && output;
    }, 60_000);
    expect(failed).toMatch(/^~ acme\/web: spec again, as its deployment failed \(.+\)\n$/);
    await becomes('web 1');
    await writeFile(mended, '');
    expect((await fleetIs('fleet:apply')).output).toMatch(/^~ acme\/web: spec again/);
    await becomes('web 2');
    expect((await fleetIs('fleet:diff')).output).toBe('Nothing differs\n');
  });

  it('is refused without an app, which is said', async () => {
    await write('1', 1);
    const answer = await fleetIs('fleet:diff');
    expect(answer).toMatchObject({ code: 1 });
    expect(answer.output).toMatch(/^No app is running on .*npm start/);
  });

  it('is rolled out on the next start; Ctrl-C in the midst of it loses nothing, and the start after that goes on', async () => {
    await write('1', 3);
    await (async (app) => {
      app.kill('SIGTERM');
      await app.exit;
    })(await start());
    await write('2', 3);
    const app = await start(true);
    await eventually(async () => {
      const all = await rows();
      return all.some((row) => row.version === '2' && row.state === 'running') && all;
    }, 60_000);
    app.type('\x03');
    expect(await app.exit).toMatchObject({ code: 0 });
    await start();
    await becomes('web 2', 'web 2', 'web 2');
    const [deployment, ...more] = await query<{ state: string }>(
      await embeddedDatabase(dataDirectory),
      'SELECT state FROM deployments',
    );
    expect(more).toEqual([]);
    await eventually(async () => {
      const [now] = await query<{ state: string }>(
        await embeddedDatabase(dataDirectory),
        'SELECT state FROM deployments',
      );
      return now?.state === 'succeeded';
    }, 60_000);
    expect(['rolling', 'succeeded']).toContain(deployment?.state);
    for (const { pid } of await rows()) expect(runs(pid)).toBe(true);
  });
});
