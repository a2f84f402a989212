import { expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { type InstanceSpec, LABELS } from '../provider.js';
import { specHash } from '../spec-hash.js';
import { containerName, type ListedContainer, OWN_LABELS } from './container-notes.js';
import { ContainerStore } from './container-store.js';
import { type DockerDaemon } from './docker-daemon.js';

const NAMESPACE = 'shop';

const SPEC: InstanceSpec = {
  command: ['main'],
  image: 'web:1',
  services: [{ name: 'logger', command: ['log'], image: 'log:1' }],
};

/** Containers of one instance, as a daemon lists them. */
function containersOf(): ListedContainer[] {
  const id = newId('instance');
  const record = { tenantId: newId('tenant'), name: 'web', labels: {}, spec: SPEC, ports: {} };
  return [undefined, 'logger'].map((service) => ({
    Id: `${id} ${service}`,
    Names: [`/${containerName(NAMESPACE, id, 'current', service)}`],
    Image: 'web:1',
    ImageID: 'sha256:1',
    State: 'running',
    Status: 'Up 2 minutes',
    Labels: {
      [LABELS.instance]: id,
      [OWN_LABELS.record]: JSON.stringify({ ...record, service }),
      [OWN_LABELS.specHash]: specHash(SPEC),
      ...(service && { [OWN_LABELS.service]: service }),
    },
  }));
}

it('lists 200 instances of two services by one call to the daemon', async () => {
  const calls: PropertyKey[] = [];
  const containers = Array.from({ length: 200 }, containersOf).flat();
  const daemon = new Proxy({} as DockerDaemon, {
    get: (_, call) => async () => {
      calls.push(call);
      return containers;
    },
  });
  const store = new ContainerStore(daemon, { name: 'docker', namespace: NAMESPACE }, '127.0.0.1');
  const listed = await store.list();
  expect(listed).toHaveLength(200);
  expect(new Set(listed.map(({ state, services }) => `${state} ${services?.length}`))).toEqual(
    new Set(['running 2']),
  );
  expect(calls).toEqual(['containers']);
});
