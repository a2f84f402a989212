import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type ContainerDaemon, IMAGE, startDaemon } from '../../../../../test/support/container-daemon.js';
import { asSystem, type ControlPlane, startControlPlane } from '../../../../../test/support/control-plane.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { describeWith } from '../../../../../test/support/needs.js';
import { Transactions } from '../../../database/transaction.js';
import { newId } from '../../../ids/typed-id.js';
import { DockerProvider } from '../../../providers/docker/docker.provider.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { garbageCollectorSettings } from '../garbage-collector.options.js';
import { passContext } from './garbage-pass.contract.js';
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
