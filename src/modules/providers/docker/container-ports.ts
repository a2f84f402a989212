import { type InstanceId } from '../../ids/typed-id.js';
import { allPorts, programOf } from '../services/service-programs.js';
import { isFree, PortAllocator } from '../port-allocator.js';
import { PortTakenError } from '../provider.errors.js';
import { type ContainerRecord, type ListedContainer, readRecord, toOwn } from './container-notes.js';

/**
 * The numbers by which instances are reached. The daemon would choose others at every start, so they are chosen here, and
 * are on the containers: each replica knows those of all. Two that choose at the same moment may choose the same, of which
 * the second then fails to start, and is given others.
 */
export class ContainerPorts {
  private readonly allocator = new PortAllocator<InstanceId>();

  constructor(
    private readonly namespace: string,
    /** Whether the ports of this host are those of the daemon's. */
    private readonly isLocal: boolean,
  ) {}

  /** The numbers that the record has, and new ones for the other ports of its services. @param all what the daemon has of ours */
  async allocate(
    id: InstanceId,
    { spec, ports: known }: ContainerRecord,
    all: () => Promise<ListedContainer[]>,
    onHostNetwork: boolean,
  ): Promise<{ ports: Record<string, number>; isNew: boolean }> {
    const ports = { ...known };
    let isNew = false;
    for (const { name, containerPort } of allPorts(spec)) {
      if (onHostNetwork && containerPort !== undefined) ports[name] = containerPort;
      if (ports[name] !== undefined) continue;
      if (!isNew) this.keep(await all());
      isNew = true;
      ports[name] = await this.allocator.allocate(id);
    }
    return { ports, isNew };
  }

  /**
   * Of a program on the host's network the daemon does not know that its port is taken, nor does anybody but the program.
   * @throws PortTakenError
   */
  async requireFree(id: InstanceId, { spec, ports, service }: ContainerRecord): Promise<void> {
    if (!this.isLocal) return;
    for (const { name } of programOf(spec, service).ports ?? []) {
      const port = ports[name];
      if (port !== undefined && !(await isFree(port))) throw new PortTakenError(id, port);
    }
  }

  release(id: InstanceId): void {
    this.allocator.release(id);
  }

  private keep(all: readonly ListedContainer[]): void {
    for (const container of all) {
      const own = toOwn(this.namespace, container);
      const ports = own && readRecord(container)?.ports;
      for (const port of Object.values(ports ?? {})) this.allocator.keep(port, own!.instanceId);
    }
  }
}
