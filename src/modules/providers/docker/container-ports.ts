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
  /** Instances whose numbers may be on no container yet. */
  private readonly starting = new Set<InstanceId>();

  constructor(
    private readonly namespace: string,
    /** Whether the ports of this host are those of the daemon's. */
    private readonly isLocal: boolean,
  ) {}

  /**
   * The numbers that the record has, and new ones for the other ports of its services. They are the instance's until `started`, then for as
   * long as a container has them.
   * @param all what the daemon has of ours
   */
  async allocate(
    id: InstanceId,
    { spec, ports: known }: ContainerRecord,
    all: () => Promise<ListedContainer[]>,
    onHostNetwork: boolean,
  ): Promise<{ ports: Record<string, number>; isNew: boolean }> {
    this.starting.add(id);
    const ports = { ...known };
    let isNew = false;
    for (const { name, containerPort } of allPorts(spec)) {
      if (onHostNetwork && containerPort !== undefined) ports[name] = containerPort;
      if (ports[name] !== undefined) continue;
      if (!isNew) await this.learn(all);
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

  /** Its container has the numbers, or none was made. */
  started(id: InstanceId): void {
    this.starting.delete(id);
  }

  /** Also what others have removed, and what could not be started, has let go of its numbers. */
  private async learn(all: () => Promise<ListedContainer[]>): Promise<void> {
    const gone = this.allocator.allOwners();
    for (const id of this.starting) gone.delete(id);
    for (const container of await all()) {
      const own = toOwn(this.namespace, container);
      const ports = own && readRecord(container)?.ports;
      if (!ports) continue;
      gone.delete(own.instanceId);
      for (const port of Object.values(ports)) this.allocator.keep(port, own.instanceId);
    }
    for (const id of gone) this.allocator.release(id);
  }
}
