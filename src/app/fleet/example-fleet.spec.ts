import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { loadFleetFile } from './fleet-file.js';

const fleet = () => loadFleetFile(fileURLToPath(new URL('../../../examples/fleet.yaml', import.meta.url)));

describe('The example fleet', () => {
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

  /** Runs the first workload's command as a provider does. */
  const run = (env: Record<string, string>) => {
    const { spec } = fleet().tenants[0]!.workloads[0]!;
    const [program, ...args] = spec.command as [string, ...string[]];
    const child = spawn(program, args, {
      cwd: spec.workingDirectory,
      env: { ...spec.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const output = Promise.all([text(child.stdout), text(child.stderr)]).then((streams) => streams.join(''));
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    return { child, output, exit };
  };

  it('declares two tenants with three workloads and five instances, swept within seconds', () => {
    const { tenants, garbageCollector } = fleet();
    const workloads = tenants.flatMap(({ name, workloads }) =>
      workloads.map((workload) => `${name}/${workload.name} x${workload.replicas}`),
    );
    expect(workloads).toEqual(['acme/web x2', 'acme/api x1', 'globex/shop x2']);
    expect(garbageCollector).toEqual({ interval: 5_000, instanceGracePeriod: 10_000 });
  });

  it('runs servers that answer, say nothing, and end with code 0 on SIGTERM despite an open connection', async () => {
    const port = await freePort();
    const { child, output, exit } = run({ PORT: String(port) });
    const page = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    const health = await answered(() => page('/healthz'), exit);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    expect(await (await page('/?x=1')).json()).toEqual({
      name: 'acme/web',
      pid: child.pid,
      uptimeSeconds: expect.any(Number),
    });
    expect((await page('/constructor')).status).toBe(404);

    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(await output).toBe('');
  });

  it.each([
    [{}, /^PORT is not set: give a number from 1 to 65535/],
    [{ PORT: 'http' }, /^PORT is "http": give a number/],
    [{ PORT: '0' }, /^PORT is "0"/],
    [{ PORT: '65536' }, /^PORT is "65536"/],
  ])('runs servers that refuse to start with %j', async (env, message) => {
    const { output, exit } = run(env);
    expect(await output).toMatch(message);
    expect(await exit).toEqual([1, null]);
  });

  it('runs servers that say so when their port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { output, exit } = run({ PORT: String(port) });
    expect(await exit).toEqual([1, null]);
    expect(await output).toContain(`Cannot listen on 127.0.0.1:${port}: listen EADDRINUSE`);
    taken.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The first answer of a server that is starting up; fails as soon as its process has ended. */
async function answered(ask: () => Promise<Response>, exit: Promise<unknown>): Promise<Response> {
  let ended = false;
  void exit.then(() => (ended = true));
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (ended) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
