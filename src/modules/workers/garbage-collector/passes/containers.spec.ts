import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type ContainerDaemon, IMAGE, startDaemon } from '../../../../../test/support/container-daemon.js';
import { asSystem, type ControlPlane, startControlPlane } from '../../../../../test/support/control-plane.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { describeWith } from '../../../../../test/support/needs.js';
import { Transactions } from '../../../database/transaction.js';
import { type InstanceId, newId } from '../../../ids/typed-id.js';
import { OWN_LABELS } from '../../../providers/docker/container-notes.js';
import { DockerProvider } from '../../../providers/docker/docker.provider.js';
import { LABELS } from '../../../providers/provider.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { garbageCollectorSettings } from '../garbage-collector.options.js';
import { garbagePassContract, passContext } from './garbage-pass.contract.js';
import { VolumesPass } from './volumes.pass.js';

const HOUR = 3_600_000;

describeWith('podman', 'the passes over a real store of containers', () => {
  let daemon: ContainerDaemon;
  let plane: ControlPlane;

  beforeAll(async () => {
    daemon = await startDaemon('podman');
    plane = await startControlPlane();
  }, 180_000);
  afterAll(async () => {
    await plane?.stop();
    await daemon?.stop();
  }, 180_000);

  for (const { name, run } of garbagePassContract(async () => {
    const namespace = `t${randomUUID().slice(0, 8)}`;
    const provider = new DockerProvider({ host: daemon.host, namespace, network: 'host', pull: 'never' });
    const rows = new GarbageRows(plane.dataSource);
    const tenantId = newId('tenant');
    const registry = new ProviderRegistry();
    registry.register('docker', provider);
    const settings = garbageCollectorSettings({ volumes: true });
    const add = async (instanceId: InstanceId): Promise<string> => {
      const volume = `${namespace}-${instanceId}-${randomUUID().slice(0, 8)}`;
      const labels = {
        [LABELS.instance]: instanceId,
        [LABELS.tenant]: tenantId,
        [OWN_LABELS.namespace]: namespace,
        [OWN_LABELS.volume]: 'data',
      };
      const { status } = await daemon.call('POST', '/volumes/create', { Name: volume, Labels: labels });
      if (status !== 201) throw new Error(`The volume could not be made: ${status}`);
      return volume;
    };
    return {
      pass: new VolumesPass(registry, plane.repository(Transactions), settings),
      tenantId,
      hasGracePeriod: true,
      addGarbage: async (count) => {
        const gone = newId('instance');
        await rows.recordDeletion(gone, tenantId, 2 * HOUR);
        const made: string[] = [];
        for (let n = 0; n < count; n++) made.push(await add(gone));
        return made;
      },
      addKept: async () => {
        const justNow = newId('instance');
        await rows.recordDeletion(justNow, tenantId, HOUR / 2);
        const used = await rows.addInstance({ tenantId, age: 2 * HOUR });
        return [await add(used), await add(newId('instance')), await add(justNow)];
      },
      present: async (names) => {
        const there = new Set((await provider.volumes()).map(({ name: volume }) => volume));
        return names.filter((each) => there.has(each));
      },
    };
  }))
    it(`volumes: ${name}`, () => asSystem(run), 180_000);

  it('remove volumes of deleted instances, and none that is in use, lost, or of another namespace', async () => {
    const providerOf = (namespace: string) =>
      new DockerProvider({ host: daemon.host, namespace, network: 'host', stopGrace: 0, pull: 'never' });
    const namespace = () => `t${randomUUID().slice(0, 8)}`;
    const [own, other] = [providerOf(namespace()), providerOf(namespace())];
    const rows = new GarbageRows(plane.dataSource);
    const tenantId = newId('tenant');
    const provision = async (provider: DockerProvider) => {
      const instanceId = newId('instance');
      const spec = { image: IMAGE, command: ['sleep', '3600'], volumes: [{ name: 'data', path: '/data' }] };
      await provider.provision({ instanceId, tenantId, name: 'web', spec, labels: {} });
      return instanceId;
    };
    const [used, deleted, lost] = [await provision(own), await provision(own), await provision(own)];
    const foreign = await provision(other);
    // Recorded, and its container is there all the same.
    await rows.recordDeletion(used, tenantId);
    await own.deprovision(lost);
    for (const [provider, id] of [
      [own, deleted],
      [other, foreign],
    ] as const) {
      await provider.deprovision(id);
      await rows.recordDeletion(id, tenantId, 2 * HOUR);
    }
    const volumes = async (provider: DockerProvider) =>
      (await provider.volumes()).map(({ instanceId }) => instanceId).sort();
    expect(await volumes(own)).toEqual([used, deleted, lost].sort());

    const registry = new ProviderRegistry();
    registry.register('docker', own);
    const settings = garbageCollectorSettings({ volumes: true });
    const pass = new VolumesPass(registry, plane.repository(Transactions), settings);
    const context = passContext();
    await asSystem(() => pass.run(context));
    expect(await volumes(own)).toEqual([used, lost].sort());
    expect(await volumes(other)).toEqual([foreign]);
    expect(context.report).toEqual({ found: 2, removed: 1, held: 0, failed: 0 });
    expect((await own.list()).map(({ instanceId }) => instanceId)).toEqual([used]);
  }, 180_000);
});
