import { type InstanceId } from '../../ids/typed-id.js';
import { type ExecResult, type ProviderInstance } from '../provider.js';
import {
  type HeldService,
  type ServiceHost,
  startServices,
  stopServices,
} from '../services/service-convergence.js';
import { hasServices } from '../services/service-plan.js';
import { MAIN } from '../services/service-spec.js';
import { specHash } from '../spec-hash.js';
import { execInContainer } from './container-exec.js';
import { type ContainerRecord, OWN_LABELS, readRecord } from './container-notes.js';
import {
  type HeldContainers,
  type HeldInstance,
  isRunning,
  recordOf,
  serviceOf,
} from './container-reading.js';
import { type ContainerRuns } from './container-runs.js';
import { type ContainerStore } from './container-store.js';
import { type DockerDaemon } from './docker-daemon.js';

interface Parts {
  daemon: DockerDaemon;
  store: ContainerStore;
  runs: ContainerRuns;
}

/** Whole instances: a container, or one for each service. All of them hold the record of the whole. */
export class ContainerInstances {
  constructor(private readonly parts: Parts) {}

  /** One that runs is left as it is, whatever the record says. */
  async provision(
    id: InstanceId,
    wanted: Pick<ContainerRecord, 'tenantId' | 'name' | 'labels' | 'spec'>,
    held: HeldInstance | undefined,
    signal?: AbortSignal,
  ): Promise<ProviderInstance> {
    if (held && this.parts.store.describe(held).state === 'running') return this.keepRunning(held, signal);
    if (held?.main) await this.parts.runs.requireFormat(held.main, signal);
    const { previousSpec, scaled, ports = {} } = (held && recordOf(held)) ?? {};
    return this.start(id, { ...wanted, previousSpec, scaled, ports }, held, {}, signal);
  }

  /** @param anew also what runs */
  async start(
    id: InstanceId,
    record: ContainerRecord,
    held: HeldInstance | undefined,
    { anew = false }: { anew?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<ProviderInstance> {
    const { runs, store } = this.parts;
    if (!hasServices(record.spec) && (!held || (held.main && held.services.length === 1)))
      return store.describe(oneService(await runs.start(id, record, held?.main, signal)));
    const host = new ContainerServices(this.parts, id, record);
    try {
      await startServices(id, record.spec, host, { anew, signal });
    } catch (error) {
      if (!held && !signal?.aborted) await this.removeUnmade(id);
      throw error;
    }
    const now = await store.held(id, signal);
    if (!now) throw new Error('somebody has removed its containers');
    return this.keepRunning(now, signal);
  }

  /** All of it ends, in order, before anything of it is started. */
  async restart(
    record: ContainerRecord,
    held: HeldInstance,
    signal?: AbortSignal,
  ): Promise<ProviderInstance> {
    const id = held.instanceId;
    if (!hasServices(record.spec)) return this.start(id, record, held, { anew: true }, signal);
    await this.stop(held, signal);
    return this.start(id, record, await this.parts.store.held(id, signal), { anew: true }, signal);
  }

  async stop(held: HeldInstance, signal?: AbortSignal): Promise<void> {
    const { runs } = this.parts;
    const record = recordOf(held);
    if (record && held.services.length > 1)
      return stopServices(record.spec, new ContainerServices(this.parts, held.instanceId, record), signal);
    for (const service of held.services) await runs.stop(service, signal);
  }

  /** Its volumes stay. */
  async remove(held: HeldInstance, signal?: AbortSignal): Promise<void> {
    const { runs } = this.parts;
    if (held.services.length > 1) await this.stop(held, signal);
    // The main one last: it is known by it as long as anything is left.
    const inOrder = held.services.toSorted((a, b) => Number(a.service === MAIN) - Number(b.service === MAIN));
    for (const service of inOrder) await runs.remove(service, signal);
  }

  /** A stop that was told and not carried out is taken back. */
  async keepRunning(held: HeldInstance, signal?: AbortSignal): Promise<ProviderInstance> {
    const { runs, store } = this.parts;
    const services: HeldContainers[] = [];
    for (const service of held.services) {
      const present = isRunning(service.present.container)
        ? await runs.keepRunning(service.present, signal)
        : service.present;
      services.push({ ...service, present });
    }
    return store.describe({ ...held, services, main: services.find(({ service }) => service === MAIN) });
  }

  private async removeUnmade(id: InstanceId): Promise<void> {
    try {
      const held = await this.parts.store.held(id);
      if (held) await this.remove(held);
    } catch {
      // What is left is listed as exited, and the next call goes on from there.
    }
  }
}

function oneService(main: HeldContainers): HeldInstance {
  return { instanceId: main.instanceId, services: [main], main };
}

/** The containers of one instance, as the rule of services handles them. */
class ContainerServices implements ServiceHost {
  private ports: ContainerRecord['ports'];
  private readonly hash: string;

  constructor(
    private readonly parts: Parts,
    private readonly id: InstanceId,
    private readonly record: ContainerRecord,
  ) {
    this.ports = record.ports;
    this.hash = specHash(record.spec);
  }

  async held(signal?: AbortSignal): Promise<HeldService[]> {
    const { services = [] } = (await this.parts.store.held(this.id, signal)) ?? {};
    return services.map((held) => ({
      ...serviceOf(held),
      isCurrent: held.present.container.Labels[OWN_LABELS.specHash] === this.hash,
    }));
  }

  async start(name: string, signal?: AbortSignal): Promise<void> {
    const held = await this.find(name, signal);
    const { runs } = this.parts;
    const record = { ...this.record, service: name === MAIN ? undefined : name, ports: this.ports };
    const { present } = await runs.start(this.id, record, held, signal);
    // What was allocated for the first of them is told to all.
    this.ports = readRecord(present.container)?.ports ?? this.ports;
  }

  async stop(name: string, signal?: AbortSignal): Promise<void> {
    const held = await this.find(name, signal);
    if (held) await this.parts.runs.stop(held, signal);
  }

  async remove(name: string, signal?: AbortSignal): Promise<void> {
    const held = await this.find(name, signal);
    if (held) await this.parts.runs.remove(held, signal);
  }

  async exec(name: string, command: string[], signal?: AbortSignal): Promise<ExecResult> {
    const { container } = await this.parts.store.running(this.id, signal, name);
    return execInContainer(this.parts.daemon, container.Id, command as [string, ...string[]], signal);
  }

  tail(name: string, lines: number, signal?: AbortSignal): Promise<string[]> {
    return this.parts.store.logs(this.id, { tail: lines, service: name }, signal);
  }

  private async find(name: string, signal?: AbortSignal): Promise<HeldContainers | undefined> {
    const held = await this.parts.store.held(this.id, signal);
    return held?.services.find(({ service }) => service === name);
  }
}
