import { type InstanceId, parseId } from '../../ids/typed-id.js';
import { KeyedQueue } from '../keyed-queue.js';
import {
  InstanceNotProvisionedError,
  InstanceNotRunningError,
  NothingToRollBackError,
} from '../provider.errors.js';
import {
  type Capability,
  type ExecOptions,
  type ExecResult,
  type InstanceSpec,
  type LogOptions,
  type Provider,
  type ProviderChange,
  type ProviderInfo,
  type ProviderInstance,
  type ProvisionRequest,
  type PrunedImages,
  type Resources,
  type ScaleRequest,
} from '../provider.js';
import {
  parseCommand,
  parseInstanceSpec,
  parseProvisionRequest,
  parseScaleRequest,
} from '../provision-request.schema.js';
import { specHash } from '../spec-hash.js';
import { requireSupported } from '../spec-support.js';
import { BusyInstances } from '../services/busy-instances.js';
import { execInContainer } from './container-exec.js';
import { ContainerInstances } from './container-instances.js';
import { type ContainerRecord, toRequest } from './container-notes.js';
import { ContainerPorts } from './container-ports.js';
import { type HeldInstance, recordOf } from './container-reading.js';
import { ContainerRuns } from './container-runs.js';
import { ContainerStore } from './container-store.js';
import { readResources, readStats, statsReaders } from './container-stats.js';
import { ContainerWatch } from './container-watch.js';
import { addressOf, type DaemonAddress } from './daemon-address.js';
import { DockerDaemon } from './docker-daemon.js';
import { DockerImages } from './docker-images.js';
import {
  type DockerProviderOptions,
  dockerProviderSettings,
  type DockerProviderSettings,
} from './docker-provider.options.js';
import { removeStoreMark, storeIdentity } from './store-marker.js';

/**
 * Runs instances as containers of Docker or Podman, one each, by the Engine API. All it knows is on the containers, so any
 * number of replicas may use one daemon, and an instance is found again after a restart of them, the daemon or its host.
 *
 * A container is one run: each start makes a new one, with the record in its labels. Its log begins anew with it.
 */
export class DockerProvider implements Provider {
  private readonly settings: DockerProviderSettings;
  private readonly address: DaemonAddress;
  private readonly daemon: DockerDaemon;
  private readonly images: DockerImages;
  private readonly instances: ContainerInstances;
  private readonly busy = new BusyInstances();
  private readonly changes: ContainerWatch;
  private readonly store: ContainerStore;
  private readonly queue = new KeyedQueue<InstanceId>();
  private identity: string | undefined;

  /** @throws InvalidInputError */
  constructor(options: DockerProviderOptions = {}) {
    const settings = (this.settings = dockerProviderSettings(options));
    const address = (this.address = addressOf(settings));
    const daemon = (this.daemon = new DockerDaemon(settings));
    const store = (this.store = new ContainerStore(daemon, settings, address.reachAt));
    const images = (this.images = new DockerImages(daemon, settings));
    const ports = new ContainerPorts(settings.namespace, address.isLocal);
    const changes = (this.changes = new ContainerWatch(store));
    const runs = new ContainerRuns({
      ...{ daemon, store, images, ports, settings, publishOn: address.publishOn },
      storeId: (signal) => this.storeId(signal),
      ending: (container) => changes.ending(container),
    });
    this.instances = new ContainerInstances({ daemon, store, runs });
  }

  info(): ProviderInfo {
    const { name, namespace } = this.settings;
    const description = `Containers of the daemon at ${this.address.shown}, in the namespace ${namespace}`;
    return { name, description, shared: true };
  }

  async storeId(signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    return (this.identity ??= await this.store.ask(() =>
      storeIdentity(this.daemon, this.settings.namespace, signal),
    ));
  }

  capabilities(): ReadonlySet<Capability> {
    return new Set<Capability>([
      ...['deploy', 'rollback', 'scale', 'resources', 'logs', 'logs.since', 'exec'],
      ...['images', 'limits', 'volumes', 'networks', 'services'],
    ] as Capability[]);
  }

  async provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance> {
    const { instanceId, tenantId, name, labels, spec } = parseProvisionRequest(request);
    requireSupported(this, instanceId, spec);
    const wanted = { tenantId, name, labels, spec };
    return this.change(instanceId, signal, (held) =>
      this.instances.provision(instanceId, wanted, held, signal),
    );
  }

  async deprovision(id: InstanceId, signal?: AbortSignal): Promise<void> {
    await this.change(id, signal, async (held) => {
      if (held) await this.instances.remove(held, signal);
    });
  }

  async start(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.changeKnown(id, signal, (record, held) => this.instances.provision(id, record, held, signal));
  }

  async stop(id: InstanceId, signal?: AbortSignal): Promise<void> {
    await this.change(id, signal, async (held) => {
      if (held) await this.instances.stop(held, signal);
    });
  }

  async restart(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.changeKnown(id, signal, (record, held) => this.instances.restart(record, held, signal));
  }

  /** Deploying the present spec once more is a restart: `rollback` still returns to the one before it. */
  async deploy(id: InstanceId, value: InstanceSpec, signal?: AbortSignal): Promise<ProviderInstance> {
    const spec = parseInstanceSpec(value);
    requireSupported(this, id, spec);
    return this.replace(
      id,
      (record) => ({
        ...record,
        spec,
        scaled: undefined,
        previousSpec: specHash(spec) === specHash(record.spec) ? record.previousSpec : record.spec,
      }),
      signal,
    );
  }

  /**
   * Back to the spec before the last `deploy`; once more, and it stays there.
   * @throws NothingToRollBackError
   */
  async rollback(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.replace(
      id,
      (record) => {
        if (!record.previousSpec) throw new NothingToRollBackError(id);
        return { ...record, spec: record.previousSpec, scaled: undefined };
      },
      signal,
    );
  }

  async status(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    const instanceId = parseId('instance', id);
    const held = await this.store.ask(() => this.store.held(instanceId, signal), signal);
    return held
      ? this.busy.seen(this.store.describe(held))
      : { instanceId, state: 'missing', labels: {}, endpoints: [] };
  }

  async notes(id: InstanceId, signal?: AbortSignal): Promise<ProvisionRequest | undefined> {
    const held = await this.store.ask(() => this.store.held(id, signal), signal);
    const record = held && recordOf(held);
    return record && toRequest(id, record);
  }

  async list(signal?: AbortSignal): Promise<ProviderInstance[]> {
    return (await this.store.list(signal)).map((instance) => this.busy.seen(instance));
  }

  /** Over the limits of its spec, until the next `deploy` or `rollback`. Restarts it. */
  async scale(id: InstanceId, request: ScaleRequest, signal?: AbortSignal): Promise<void> {
    const scaled = parseScaleRequest(request);
    await this.replace(id, (record) => ({ ...record, scaled: { ...record.scaled, ...scaled } }), signal);
  }

  /** Takes a quarter of a second to measure. */
  async resources(id: InstanceId, signal?: AbortSignal): Promise<Resources> {
    const { container } = await this.store.running(id, signal);
    const read = await this.store.ofRunning(
      id,
      () => readResources(this.daemon, container.Id, signal),
      signal,
    );
    if (!read) throw new InstanceNotRunningError(id);
    return read;
  }

  /** A call for each that runs, of Podman one for 25 of them. One that ends meanwhile is left out. */
  readonly stats = (signal?: AbortSignal) => readStats(this.daemon, this.store, signal);
  readonly statsReaders = (signal?: AbortSignal) => statsReaders(this.daemon, this.store, signal);

  watch(signal: AbortSignal): AsyncIterable<ProviderChange> {
    return this.changes.watch(signal);
  }

  /** Of the present container: a start begins a new log. */
  async logs(id: InstanceId, options: LogOptions = {}, signal?: AbortSignal): Promise<string[]> {
    return this.store.logs(id, options, signal);
  }

  async *followLogs(id: InstanceId, options: LogOptions = {}, signal?: AbortSignal): AsyncGenerator<string> {
    try {
      for await (const line of this.store.readLog(id, options, true, signal)) {
        if (signal?.aborted) return;
        yield line;
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }

  /** In the service's environment and working directory. */
  async exec(
    id: InstanceId,
    command: string[],
    signal?: AbortSignal,
    { service }: ExecOptions = {},
  ): Promise<ExecResult> {
    const parsed = parseCommand(command);
    const { container } = await this.store.running(id, signal, service);
    return this.store.ofRunning(id, () => execInContainer(this.daemon, container.Id, parsed, signal), signal);
  }

  /** @throws ProviderUnavailableError when the daemon does not answer */
  async healthCheck(signal?: AbortSignal): Promise<void> {
    await this.store.reach(() => this.daemon.ping(signal), signal);
  }

  readonly volumes = (signal?: AbortSignal) => this.store.volumes(signal);
  readonly removeVolume = (name: string, signal?: AbortSignal) => this.store.removeVolume(name, signal);

  async pruneImages({ keep }: { keep: number }, signal?: AbortSignal): Promise<PrunedImages> {
    return this.store.ask(
      () => this.images.prune((containers) => this.store.repositoriesOf(containers), keep, signal),
      signal,
    );
  }

  /** Removes the mark by which its store is known. To be called when nothing of it is left. */
  async removeStore(signal?: AbortSignal): Promise<void> {
    await this.store.ask(() => removeStoreMark(this.daemon, this.settings.namespace, signal), signal);
    this.identity = undefined;
  }

  /** A task on an instance, after those on the same instance that were called before it. */
  private async change<T>(
    id: InstanceId,
    signal: AbortSignal | undefined,
    task: (held: HeldInstance | undefined) => Promise<T>,
  ): Promise<T> {
    const instanceId = parseId('instance', id);
    const changed = () =>
      this.busy
        .during(instanceId, () =>
          this.store.ask(async () => task(await this.store.held(instanceId, signal)), signal),
        )
        .finally(() => this.changes.tell(instanceId));
    signal?.throwIfAborted();
    return this.queue.run(instanceId, changed, signal);
  }

  /** The same, of what has a record. @throws InstanceNotProvisionedError */
  private async changeKnown<T>(
    id: InstanceId,
    signal: AbortSignal | undefined,
    task: (record: ContainerRecord, held: HeldInstance) => Promise<T>,
  ): Promise<T> {
    return this.change(id, signal, (held) => {
      const record = held && recordOf(held);
      if (!record) throw new InstanceNotProvisionedError(id, this.settings.name);
      return task(record, held);
    });
  }

  private async replace(
    id: InstanceId,
    next: (record: ContainerRecord) => ContainerRecord,
    signal?: AbortSignal,
  ): Promise<ProviderInstance> {
    return this.changeKnown(id, signal, (record, held) =>
      this.instances.start(id, next(record), held, { anew: true }, signal),
    );
  }
}
