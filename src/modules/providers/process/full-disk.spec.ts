import { afterEach, describe, expect } from '@jest/globals';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { runs } from '../../../../test/support/processes.js';
import { fill, free, itOnSmallDisk, smallDisks } from '../../../../test/support/small-disk.js';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { OutOfResourcesError } from '../provider.errors.js';
import { ProcessProvider } from './process.provider.js';

const MEGABYTE = 1024 * 1024;

describe('On a disk that is full', () => {
  let disk: string;
  let directory: string;
  let provider: ProcessProvider;

  afterEach(async () => {
    for (const { instanceId } of (await provider?.list()) ?? []) await provider.deprovision(instanceId);
  });
  // Taken away when nothing runs on it any more: hooks run in this order.
  const mount = smallDisks();

  async function start(megabytes = 4, logLimit = MEGABYTE): Promise<void> {
    disk = mount(megabytes);
    directory = join(disk, 'instances');
    provider = new ProcessProvider({ directory, stopGrace: '300ms', logLimit });
    await provider.healthCheck();
  }
  const request = (command = ['/bin/sh', '-c', 'exec sleep 3600'], instanceId = newId('instance')) => ({
    instanceId,
    tenantId: newId('tenant'),
    name: 'web',
    spec: { command },
    labels: {},
  });
  const sizeOf = (id: InstanceId) =>
    readdirSync(join(directory, id))
      .filter((name) => name.startsWith('output.log'))
      .reduce((sum, name) => sum + statSync(join(directory, id, name)).size, 0);

  itOnSmallDisk(
    'an instance is refused with the reason, runs nothing, and is made when there is room',
    async () => {
      await start();
      fill(disk);
      const wanted = request();
      await expect(provider.provision(wanted)).rejects.toThrow(OutOfResourcesError);
      await expect(provider.provision(wanted)).rejects.toThrow(/no space left on device/i);
      expect((await provider.status(wanted.instanceId)).state).toBe('missing');
      expect(await provider.list()).toEqual([]);
      await expect(provider.healthCheck()).rejects.toThrow(/no space left on device/i);
      free(disk);
      expect((await provider.provision(wanted)).state).toBe('running');
    },
  );

  itOnSmallDisk(
    'what runs goes on when a restart or another spec is asked for, and can be ended',
    async () => {
      await start();
      const ready = ['/bin/sh', '-c', 'echo ready; exec sleep 3600'];
      const { instanceId, ref } = await provider.provision(request(ready));
      // By then it has let go of the file that brought its environment.
      await eventually(async () => (await provider.logs(instanceId)).includes('ready'));
      fill(disk);
      const refused = { name: 'OutOfResourcesError' };
      await expect(provider.restart(instanceId)).rejects.toMatchObject(refused);
      const other = { command: ['/bin/sh', '-c', 'exec sleep 1800'] };
      await expect(provider.deploy(instanceId, other)).rejects.toMatchObject(refused);
      expect(await provider.status(instanceId)).toMatchObject({ state: 'running', ref });
      expect(runs(Number(ref))).toBe(true);

      await provider.stop(instanceId);
      expect((await provider.status(instanceId)).state).toBe('stopped');
      fill(disk);
      // The end of it may leave room for a few pages yet: whatever comes of it is said as it is.
      const started = await provider.start(instanceId).catch(() => undefined);
      expect((await provider.status(instanceId)).state === 'running').toBe(started !== undefined);
      await provider.deprovision(instanceId);
      expect(await provider.list()).toEqual([]);
      expect(runs(Number(ref))).toBe(false);
    },
  );

  itOnSmallDisk(
    'a log makes room, though it filled the disk before it could be rotated',
    async () => {
      await start(3);
      // More than the disk holds, so that nothing is left to copy it to.
      const fills = 'head -c 5000000 /dev/zero | tr "\\0" x; exec sleep 3600';
      const loud = request(['/bin/sh', '-c', fills]);
      await provider.provision(loud);
      await eventually(() => sizeOf(loud.instanceId) > 2 * MEGABYTE, 60_000);
      await eventually(() => sizeOf(loud.instanceId) <= MEGABYTE, 60_000);
      expect((await provider.provision(request())).state).toBe('running');
      expect((await provider.status(loud.instanceId)).state).toBe('running');
      expect(await provider.logs(loud.instanceId)).toEqual([]);
    },
    120_000,
  );
});
