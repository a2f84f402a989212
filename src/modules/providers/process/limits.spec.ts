import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { newId } from '../../ids/typed-id.js';
import { OutOfResourcesError, PortTakenError } from '../provider.errors.js';
import { type InstanceSpec } from '../provider.js';
import { ProcessProvider } from './process.provider.js';

const MEGABYTE = 1024 * 1024;
const SLEEPER: InstanceSpec = { command: ['/bin/sh', '-c', 'exec sleep 3600'] };

describe('The process provider at its limits', () => {
  let parent: string;
  let directory: string;
  let provider: ProcessProvider;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'limits-'));
    await chmod(parent, 0o755);
    directory = join(parent, 'instances');
    provider = new ProcessProvider({ directory, stopGrace: '300ms' });
  });
  afterEach(async () => {
    for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    await rm(parent, { recursive: true });
  });
  const request = (spec: InstanceSpec) => ({
    instanceId: newId('instance'),
    tenantId: newId('tenant'),
    name: 'web',
    spec,
    labels: {},
  });

  it('keeps the first mebibyte of 100 MB that a command writes, and says that there was more', async () => {
    const { instanceId } = await provider.provision(request(SLEEPER));
    const script = 'head -c 100000000 /dev/zero | tr "\\0" x; echo done >&2';
    const { stdout, ...rest } = await provider.exec(instanceId, ['/bin/sh', '-c', script]);
    expect(rest).toEqual({ exitCode: 0, stderr: 'done\n', truncated: true });
    expect(stdout).toHaveLength(MEGABYTE);
    expect(await provider.exec(instanceId, ['echo', 'short'])).not.toHaveProperty('truncated');
  }, 120_000);

  it('starts what has as many arguments and variables as it takes, as long as they may be', async () => {
    const longest = 'x'.repeat(131_071);
    const script = 'echo "$# ${#1} ${#LARGE}"; exec sleep 3600';
    for (const [many, LARGE] of [
      [Array<string>(6).fill(longest), 'x'.repeat(100_000)],
      [[longest, ...Array<string>(9_995).fill('x')], 'x'.repeat(131_065)],
    ] as const) {
      const spec = { command: ['/bin/sh', '-c', script, 'sh', ...many], env: { LARGE } };
      const { instanceId } = await provider.provision(request(spec));
      await eventually(async () => (await provider.logs(instanceId)).length > 0);
      expect(await provider.logs(instanceId)).toContain(`${many.length} 131071 ${LARGE.length}`);
    }
  });

  it('refuses an instance for which there is no port, with nothing left of it, until one is given back', async () => {
    const { ref, ...hoarder } = await provider.provision(request(SLEEPER));
    expect(ref).toBeDefined();
    // As if it had had all of them over time: what an instance once had stays its own.
    const file = join(directory, hoarder.instanceId, 'spec.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { ports: Record<string, number> };
    for (let port = 20_000; port <= 32_767; port++) record.ports[`p${port}`] = port;
    await writeFile(file, JSON.stringify(record));

    provider = new ProcessProvider({ directory, stopGrace: '300ms' });
    const wanted = request({ ...SLEEPER, ports: [{ name: 'http', env: 'PORT' }] });
    const refused = provider.provision(wanted);
    await expect(refused).rejects.toThrow(OutOfResourcesError);
    await expect(refused).rejects.toThrow(/No port between 20000 and 32767 is free: remove instances/);
    expect((await provider.list()).map(({ instanceId }) => instanceId)).toEqual([hoarder.instanceId]);

    await provider.deprovision(hoarder.instanceId);
    expect((await provider.provision(wanted)).state).toBe('running');
  });

  it('says what became of an instance whose port was taken before it listened, and runs it on the same one later', async () => {
    const go = join(parent, 'go');
    await mkdir(go, { mode: 0o755 });
    const script = `
      const { existsSync } = require('node:fs');
      const wait = () => existsSync(${JSON.stringify(join(go, 'now'))})
        ? require('node:net').createServer().listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'))
        : setTimeout(wait, 20);
      wait();`;
    const wanted = request({
      command: [process.execPath, '-e', script],
      ports: [{ name: 'http', env: 'PORT' }],
    });
    const { instanceId, endpoints } = await provider.provision(wanted);
    const { port } = endpoints[0]!;
    const intruder = createServer().listen(port, '127.0.0.1');
    await once(intruder, 'listening');
    await writeFile(join(go, 'now'), '');
    await eventually(async () => (await provider.status(instanceId)).state === 'exited', 60_000);
    expect((await provider.logs(instanceId)).join('\n')).toMatch(/EADDRINUSE/);
    await expect(provider.start(instanceId)).rejects.toThrow(PortTakenError);
    await expect(provider.start(instanceId)).rejects.toThrow(String(port));
    await new Promise((resolve) => intruder.close(resolve));
    expect(await provider.start(instanceId)).toMatchObject({ state: 'running', endpoints: [{ port }] });
    await eventually(async () => (await provider.logs(instanceId)).includes('listening'), 60_000);
  }, 120_000);
});
