import { beforeEach, describe, expect, it } from '@jest/globals';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { PortAllocator } from '../port-allocator.js';
import { LABELS } from '../provider.js';
import { containerName, type ContainerRecord, type ListedContainer, OWN_LABELS } from './container-notes.js';
import { ContainerPorts } from './container-ports.js';

const NAMESPACE = 'shop';
const tenantId = newId('tenant');

const record = (ports: Record<string, number> = {}): ContainerRecord => ({
  tenantId,
  name: 'web',
  labels: {},
  spec: { command: [], image: 'web', ports: [{ name: 'http', env: 'PORT' }] },
  ports,
});

const listed = (id: InstanceId, ports: Record<string, number>): ListedContainer => ({
  ...{ Id: id, Image: 'web', ImageID: 'web', State: 'running', Status: 'Up' },
  Names: [`/${containerName(NAMESPACE, id, 'current')}`],
  Labels: { [LABELS.instance]: id, [OWN_LABELS.record]: JSON.stringify(record(ports)) },
});

describe('ContainerPorts', () => {
  let ports: ContainerPorts;
  /** What the daemon has. */
  let daemon: ListedContainer[];

  const allocate = async (id: InstanceId) =>
    (await ports.allocate(id, record(), async () => daemon, false)).ports.http!;

  /** Every port but one has a container. */
  beforeEach(async () => {
    ports = new ContainerPorts(NAMESPACE, true);
    const free = await new PortAllocator<string>().allocate('nobody');
    const all = Array.from({ length: 12_768 }, (_, n) => 20_000 + n).filter((port) => port !== free);
    daemon = [listed(newId('instance'), Object.fromEntries(all.map((port) => [`p${port}`, port])))];
  });

  it('gives a number to one instance while that is being started, and while it has a container', async () => {
    const first = newId('instance');
    const port = await allocate(first);
    await expect(allocate(newId('instance'))).rejects.toThrow(/No port/);
    daemon.push(listed(first, { http: port }));
    ports.started(first);
    await expect(allocate(newId('instance'))).rejects.toThrow(/No port/);
  });

  it('gives it to another when the start has failed', async () => {
    const failed = newId('instance');
    const port = await allocate(failed);
    ports.started(failed);
    expect(await allocate(newId('instance'))).toBe(port);
  });

  it('gives it to another when the container is gone, whoever has removed it', async () => {
    const first = newId('instance');
    const port = await allocate(first);
    daemon.push(listed(first, { http: port }));
    ports.started(first);
    daemon.pop();
    expect(await allocate(newId('instance'))).toBe(port);
  });

  it('leaves an instance the number that it has', async () => {
    const id = newId('instance');
    const again = await ports.allocate(id, record({ http: 20_000 }), async () => daemon, false);
    expect(again).toEqual({ ports: { http: 20_000 }, isNew: false });
  });
});
