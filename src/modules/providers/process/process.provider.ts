import { parseDuration } from '../../../core/timing/duration.js';
import { type InstanceId } from '../../ids/typed-id.js';
import {
  CapabilityNotSupportedError,
  InstanceNotRunningError,
  NothingToRollBackError,
  ProviderUnavailableError,
} from '../provider.errors.js';
import {
  type Capability,
  type ExecOptions,
  type ExecResult,
  type InstanceSpec,
  type InstanceStats,
  type LogOptions,
  type Provider,
  type ProviderChange,
  type ProviderInfo,
  type ProviderInstance,
  type ProvisionRequest,
  type Resources,
} from '../provider.js';
import { parseCommand, parseInstanceSpec, parseProvisionRequest } from '../provision-request.schema.js';
import { parsePlainLogOptions, requireSupported } from '../spec-support.js';
import { specHash } from '../spec-hash.js';
import { ExitWatch } from './exit-watch.js';
import { execInRun } from './exec-in-run.js';
import { BusyInstances } from '../services/busy-instances.js';
import { hasServices } from '../services/service-plan.js';
import { InstanceDirectories, readEach, withServices } from './instance-directories.js';
import { type InstanceDirectory } from './instance-directory.js';
import { directoryOf, recordUnlessBroken, requireRecord, requireRunning } from './instance-reading.js';
import { readInstanceStats } from './instance-stats.js';
import { ProcessInstances } from './process-instances.js';
import { asShortage } from './instance-runs.js';
import { InstanceStarter } from './instance-starter.js';
import { KeyedQueue } from '../keyed-queue.js';
import { LogKeeper } from './log-keeper.js';
import { LOG_LIMIT, olderLog } from './log-rotation.js';
import { tailLines } from './log-tail.js';
import { type ProcessProviderOptions } from './process-provider.options.js';
import { UnsupportedPlatformError } from './process.errors.js';
import { readProcessUsage } from './process-usage.js';
import { storeIdentity } from './store-identity.js';
import { orAborted } from '../waiting.js';

/**
 * Runs instances as processes of this machine, which go on when the control plane stops or is killed and are
 * known again when it is back. All it knows is on disk (`InstanceDirectory`); calls that change an instance
 * happen one after the other, `status` and `list` tell what is there at that moment.
 *
 * An instance is all that its program has started: held by a group of the kernel's (cgroup v2) where one can be had, by
 * a user of its own as root on Linux, else by its session and a mark in the environment, which a program that wants to
 * can shed. See docs/security.md.
 */
export class ProcessProvider implements Provider {
  private readonly name: string;
  private readonly instances: InstanceDirectories;
  private readonly stopGrace: number;
  private readonly queue = new KeyedQueue<InstanceId>();
  private readonly starter: InstanceStarter;
  private readonly processes: ProcessInstances;
  private readonly busy = new BusyInstances();
  private readonly logKeeper: LogKeeper;
  private readonly exits = new ExitWatch({
    read: (id) => this.read(this.instances.at(id)),
    wanted: async () => {
      await this.open();
      return this.starter.wanted(await this.instances.all());
    },
  });
  private opened?: Promise<void>;

  /**
   * @throws UnsupportedPlatformError on Windows.
   * @throws InvalidDurationError
   */
  constructor({
    directory,
    name = 'process',
    stopGrace = '5s',
    users = 'own',
    logLimit = LOG_LIMIT,
  }: ProcessProviderOptions) {
    if (process.platform === 'win32') throw new UnsupportedPlatformError(process.platform);
    this.name = name;
    this.instances = new InstanceDirectories(directory);
    this.stopGrace = parseDuration(stopGrace);
    this.starter = new InstanceStarter({
      stopGrace: this.stopGrace,
      ownUsers: users === 'own',
      exits: this.exits,
    });
    this.processes = new ProcessInstances({
      provider: name,
      stopGrace: this.stopGrace,
      starter: this.starter,
    });
    const logs = { all: async () => withServices(await this.instances.all()) };
    this.logKeeper = new LogKeeper(logs, this.queue, logLimit);
  }

  info(): ProviderInfo {
    return { name: this.name, description: `Processes of this machine, kept in ${this.instances.path}` };
  }

  /** Kept in its directory: a copy of the directory elsewhere is the same store, and must not be run beside it. */
  async storeId(signal?: AbortSignal): Promise<string> {
    await orAborted(this.open(), signal);
    return orAborted(storeIdentity(this.instances.path).catch(this.unavailable), signal);
  }

  capabilities(): ReadonlySet<Capability> {
    return new Set<Capability>(['deploy', 'rollback', 'resources', 'logs', 'exec', 'services']);
  }

  async provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance> {
    const { instanceId, tenantId, name, labels, spec } = parseProvisionRequest(request);
    requireSupported(this, instanceId, spec);
    return this.change(instanceId, signal, async (directory) => {
      const found = await recordUnlessBroken(directory);
      if (found && (await this.processes.isRunning(directory, found))) return this.read(directory);
      const record = { ...found, tenantId, name, labels, spec, ports: found?.ports ?? {} };
      try {
        return await this.processes.start(directory, record, { anew: false }, signal);
      } catch (error) {
        await this.starter.forgetUnmade(directory);
        throw error;
      }
    });
  }

  async deprovision(id: InstanceId, signal?: AbortSignal): Promise<void> {
    await this.change(id, signal, async (directory) => {
      await this.processes.remove(directory, signal);
    });
  }

  async start(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.change(id, signal, async (directory) => {
      const record = await requireRecord(directory, this.name);
      if (await this.processes.isRunning(directory, record)) return this.read(directory);
      return this.processes.start(directory, record, { anew: false }, signal);
    });
  }

  async stop(id: InstanceId, signal?: AbortSignal): Promise<void> {
    await this.change(id, signal, (directory) => this.processes.stop(directory, signal));
  }

  async restart(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.change(id, signal, async (directory) => {
      const record = await requireRecord(directory, this.name);
      if (hasServices(record.spec)) await this.processes.stop(directory, signal);
      return this.processes.start(directory, record, {}, signal);
    });
  }

  /** Deploying the present spec once more is a restart: `rollback` still returns to the one before it. */
  async deploy(id: InstanceId, value: InstanceSpec, signal?: AbortSignal): Promise<ProviderInstance> {
    const spec = parseInstanceSpec(value);
    requireSupported(this, id, spec);
    return this.change(id, signal, async (directory) => {
      const record = await requireRecord(directory, this.name);
      const previousSpec = specHash(spec) === specHash(record.spec) ? record.previousSpec : record.spec;
      return this.processes.start(directory, { ...record, spec, previousSpec }, {}, signal);
    });
  }

  /**
   * Back to the spec before the last `deploy`; once more, and it stays there.
   * @throws NothingToRollBackError
   */
  async rollback(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.change(id, signal, async (directory) => {
      const record = await requireRecord(directory, this.name);
      if (!record.previousSpec) throw new NothingToRollBackError(id);
      return this.processes.start(directory, { ...record, spec: record.previousSpec }, {}, signal);
    });
  }

  async status(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    const directory = this.instances.at(id);
    return orAborted(this.read(directory), signal);
  }

  async notes(instanceId: InstanceId, signal?: AbortSignal): Promise<ProvisionRequest | undefined> {
    const directory = this.instances.at(instanceId);
    const record = await orAborted(recordUnlessBroken(directory), signal);
    if (!record) return undefined;
    const { tenantId, name, labels, spec } = record;
    return { instanceId, tenantId, name, labels, spec };
  }

  async list(signal?: AbortSignal): Promise<ProviderInstance[]> {
    await orAborted(this.open(), signal);
    const found = await orAborted(this.instances.all().catch(this.unavailable), signal);
    const all = await readEach(found, (directory) => {
      signal?.throwIfAborted();
      return this.read(directory);
    });
    return all.filter(({ state }) => state !== 'missing');
  }

  /** @throws CapabilityNotSupportedError always: a plain process has no limits to set. */
  async scale(): Promise<void> {
    throw new CapabilityNotSupportedError(this.name, 'scale');
  }

  /** Of the program itself, without those that it has started. Takes a quarter of a second to measure. */
  async resources(id: InstanceId, signal?: AbortSignal): Promise<Resources> {
    const { process } = await orAborted(requireRunning(this.instances.at(id), this.name), signal);
    const usage = await readProcessUsage(process, signal);
    if (!usage) throw new InstanceNotRunningError(id);
    return usage;
  }

  /** From `/proc` on Linux; elsewhere what `ps` knows, and null for the rest. */
  async stats(signal?: AbortSignal): Promise<InstanceStats[]> {
    await orAborted(this.open(), signal);
    return readInstanceStats(await orAborted(this.instances.all().catch(this.unavailable), signal), signal);
  }

  watch(signal: AbortSignal): AsyncIterable<ProviderChange> {
    return this.exits.watch(signal);
  }

  /** Lines of stdout and stderr as they came, oldest first, over all starts. */
  async logs(id: InstanceId, options: LogOptions = {}, signal?: AbortSignal): Promise<string[]> {
    const whole = this.instances.at(id);
    const { tail, service } = parsePlainLogOptions(this.name, options);
    const record = await orAborted(requireRecord(whole, this.name), signal);
    const directory = directoryOf(whole, record, service);
    return tailLines(directory.log, tail, signal, olderLog(directory.log));
  }

  async exec(
    id: InstanceId,
    command: string[],
    signal?: AbortSignal,
    { service }: ExecOptions = {},
  ): Promise<ExecResult> {
    const whole = this.instances.at(id);
    parseCommand(command);
    const record = await orAborted(requireRecord(whole, this.name), signal);
    return execInRun(directoryOf(whole, record, service), command, this.name, signal);
  }

  /** @throws ProviderUnavailableError when nothing can be written to its directory. */
  async healthCheck(signal?: AbortSignal): Promise<void> {
    await orAborted(this.open(), signal);
    await orAborted(this.instances.probe().catch(this.unavailable), signal);
  }

  /** A task on an instance, after those on the same instance that were called before it. */
  private async change<T>(
    id: InstanceId,
    signal: AbortSignal | undefined,
    task: (directory: InstanceDirectory) => Promise<T>,
  ): Promise<T> {
    const directory = this.instances.at(id);
    await orAborted(this.open(), signal);
    const changed = () =>
      this.busy
        .during(directory.id, () => task(directory))
        .catch((error: Error) => {
          throw asShortage(directory.id, error);
        })
        .finally(() => this.exits.changed(directory.id));
    return this.queue.run(directory.id, changed, signal);
  }

  private async read(directory: InstanceDirectory): Promise<ProviderInstance> {
    return this.busy.seen(await this.processes.read(directory));
  }

  /** Once, before the first change: the directory, what instances can be held by, and what belongs to which. */
  private open(): Promise<void> {
    return (this.opened ??= this.openDirectory().catch((error: Error) => {
      this.opened = undefined;
      this.unavailable(error);
    }));
  }

  private async openDirectory(): Promise<void> {
    this.starter.open();
    await this.instances.create({ passable: this.starter.givesUsers });
    this.logKeeper.start();
    await this.starter.keepAll(await this.instances.all());
  }

  private readonly unavailable = (error: Error): never => {
    throw new ProviderUnavailableError(this.name, error.message, { cause: error });
  };
}
