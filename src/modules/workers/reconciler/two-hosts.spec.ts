import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { eventually } from '../../../../test/support/eventually.js';
import { runs } from '../../../../test/support/processes.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { newId, type TenantId } from '../../ids/typed-id.js';
import { ProcessProvider } from '../../providers/process/process.provider.js';

/** Two control planes with a directory of their own each, as on two hosts, on one database; real processes. */
describe('two hosts on one database', () => {
  let database: { url: string; drop(): Promise<void> };
  let directory: string;
  let providers: ProcessProvider[];
  let hosts: Replica[];
  const tenantId: TenantId = newId('tenant');

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    directory = await mkdtemp(join(tmpdir(), 'two-hosts-'));
    providers = ['a', 'b'].map(
      (name) => new ProcessProvider({ directory: join(directory, name), stopGrace: 0 }),
    );
    hosts = await Promise.all(providers.map((provider) => startReplica(database.url, [provider])));
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    for (const provider of providers)
      for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
    await rm(directory, { recursive: true });
    await database.drop();
  });

  const create = (host: Replica) =>
    asSystem(() =>
      host.instances.create(tenantId, {
        name: 'web',
        provider: 'process',
        spec: { command: ['/bin/sh', '-c', 'exec sleep 3600'] },
      }),
    );

  it('an instance is removed by its own host, whoever was asked, and nothing of it is left', async () => {
    const [a, b] = hosts as [Replica, Replica];
    const instance = await create(a);
    const pid = Number(instance.ref);
    expect(await asSystem(() => b.instances.delete(tenantId, instance.id))).toBe('requested');
    await eventually(() => !runs(pid), 30_000);
    await eventually(
      async () => (await asSystem(() => b.instances.list(tenantId))).items.length === 0,
      30_000,
    );
    expect(await b.told('instance.deleted')).toHaveLength(1);
  });

  it('what ends is started by its own host alone, and once', async () => {
    const [a, b] = hosts as [Replica, Replica];
    const instance = await create(a);
    process.kill(Number(instance.ref), 'SIGKILL');
    await Promise.all([a.run('instance_drift'), b.run('instance_drift')]);
    const again = await eventually(async () => {
      const now = await asSystem(() => b.instances.get(tenantId, instance.id));
      return now.state === 'running' && now.ref !== instance.ref ? now : undefined;
    }, 30_000);
    expect(runs(Number(again.ref))).toBe(true);
    expect(await providers[1]!.list()).toEqual([]);
    expect(await providers[0]!.list()).toHaveLength(1);
    expect(await a.told('instance.drifted')).toHaveLength(1);
  });

  it('a host that is away is waited for, and that is told once', async () => {
    const [a, b] = hosts as [Replica, Replica];
    const instance = await create(a);
    await a.stop();
    hosts.shift();
    await asSystem(() => b.instances.stop(tenantId, instance.id));
    await b.dataSource.query(`UPDATE instances SET requested_at = now() - interval '1 h'`);
    await b.dataSource.query(`UPDATE provider_stores SET seen_at = now() - interval '1 h'`);
    await b.run('reconciler');
    await b.run('reconciler');
    expect(await b.told('instance.waiting_for_host')).toHaveLength(1);
    hosts.push(await startReplica(database.url, [providers[0]!]));
    await eventually(() => !runs(Number(instance.ref)), 30_000);
    await eventually(
      async () => (await asSystem(() => b.instances.get(tenantId, instance.id))).state === 'stopped',
      30_000,
    );
    expect((await asSystem(() => b.instances.get(tenantId, instance.id))).reason).toBeUndefined();
  });
});
