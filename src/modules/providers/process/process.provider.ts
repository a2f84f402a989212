import { type ChildProcess } from 'node:child_process';
import pLimit from 'p-limit';
import { parseDuration } from '../../../core/timing/duration.js';
import { type InstanceId } from '../../ids/typed-id.js';
import {
  CapabilityNotSupportedError,
  InstanceNotProvisionedError,
  InstanceNotRunningError,
  NothingToRollBackError,
  OutOfResourcesError,
  PortTakenError,
  ProviderUnavailableError,
} from '../provider.errors.js';
import {
  type Capability,
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
import {
  parseCommand,
  parseInstanceSpec,
  parseLogOptions,
  parseProvisionRequest,
} from '../provision-request.schema.js';
import { specHash } from '../spec-hash.js';
import { findExecutable } from './executable.js';
import { ExitWatch } from './exit-watch.js';
import { InstanceDirectories } from './instance-directories.js';
import { readConfinement } from './confinement.js';
import { cgroupsForInstances } from './instance-cgroup.js';
import { type InstanceDirectory, type Run, type RunProcess } from './instance-directory.js';
import { instanceEnvironment } from './instance-environment.js';
import { type InstanceRecord } from './instance-record.js';
import { readInstance } from './instance-reading.js';
import { readInstanceStats } from './instance-stats.js';
import {
  asShortage,
  endRuns,
  executableOf,
  startRun,
  stateOfRuns,
  workingDirectoryOf,
} from './instance-runs.js';
import { InstanceUsers } from './instance-users.js';
import { KeyedQueue } from './keyed-queue.js';
import { LOG_LIMIT, olderLog, rotateLog } from './log-rotation.js';
import { tailLines } from './log-tail.js';
import { isFree, PortAllocator } from './port-allocator.js';
import { type ProcessProviderOptions } from './process-provider.options.js';
import { BrokenInstanceError, UnsupportedPlatformError } from './process.errors.js';
import { readProcessUsage } from './process-usage.js';
import { runCommand } from './run-command.js';
import { storeIdentity } from './store-identity.js';
import { orAborted } from './waiting.js';
import { startTicking, type Timer } from '../../../core/timing/timer.js';

/** Milliseconds between two looks at the size of the logs. */
const LOG_LOOK = 2_000;

/** Instances read at the same time by `list`: enough to keep the disk busy, few enough for the open file limit. */
const READS_AT_ONCE = 16;

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
  private readonly ports = new PortAllocator<InstanceId>();
  /** Those that this very process has started: of all others nobody tells us the exit code. */
  private readonly children = new Map<InstanceId, ChildProcess>();
  private readonly exits = new ExitWatch({
    read: (id) => this.read(this.instances.at(id)),
    wanted: () => this.wantedNow(),
  });
  private opened?: Promise<void>;
  private readonly hasOwnUsers: boolean;
  private readonly logLimit: number;
  private rotation?: Timer;
  private rotating = false;
  /** Absent: instances run as this process's user. */
  private users?: InstanceUsers;
  /** Where instances get groups of the kernel's; absent where none can be had. */
  private cgroups?: string;

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
    this.hasOwnUsers = users === 'own';
    this.logLimit = logLimit;
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
    return new Set<Capability>(['deploy', 'rollback', 'resources', 'logs', 'exec']);
  }

  async provision(request: ProvisionRequest, signal?: AbortSignal): Promise<ProviderInstance> {
    const { instanceId, tenantId, name, labels, spec } = parseProvisionRequest(request);
    return this.change(instanceId, signal, async (directory) => {
      const found = await directory.readRecord().catch(ignoreBroken);
      if (found && (await isRunning(directory))) return this.read(directory);
      const record = { ...found, tenantId, name, labels, spec, ports: found?.ports ?? {} };
      try {
        return await this.run(directory, record, signal);
      } catch (error) {
        await this.forgetUnmade(directory);
        throw error;
      }
    });
  }

  async deprovision(id: InstanceId, signal?: AbortSignal): Promise<void> {
    await this.change(id, signal, async (directory) => {
      await endRuns(directory, this.stopGrace, signal);
      await directory.remove();
      this.ports.release(id);
      this.users?.release(id);
      this.children.delete(id);
    });
  }

  async start(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.change(id, signal, async (directory) => {
      const record = await this.recordOf(directory);
      return (await isRunning(directory)) ? this.read(directory) : this.run(directory, record, signal);
    });
  }

  async stop(id: InstanceId, signal?: AbortSignal): Promise<void> {
    await this.change(id, signal, (directory) => endRuns(directory, this.stopGrace, signal));
  }

  async restart(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.change(id, signal, async (directory) =>
      this.run(directory, await this.recordOf(directory), signal),
    );
  }

  /** Deploying the present spec once more is a restart: `rollback` still returns to the one before it. */
  async deploy(id: InstanceId, value: InstanceSpec, signal?: AbortSignal): Promise<ProviderInstance> {
    const spec = parseInstanceSpec(value);
    return this.change(id, signal, async (directory) => {
      const record = await this.recordOf(directory);
      const previousSpec = specHash(spec) === specHash(record.spec) ? record.previousSpec : record.spec;
      return this.run(directory, { ...record, spec, previousSpec }, signal);
    });
  }

  /**
   * Back to the spec before the last `deploy`; once more, and it stays there.
   * @throws NothingToRollBackError
   */
  async rollback(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    return this.change(id, signal, async (directory) => {
      const record = await this.recordOf(directory);
      if (!record.previousSpec) throw new NothingToRollBackError(id);
      return this.run(directory, { ...record, spec: record.previousSpec }, signal);
    });
  }

  async status(id: InstanceId, signal?: AbortSignal): Promise<ProviderInstance> {
    const directory = this.instances.at(id);
    return orAborted(this.read(directory), signal);
  }

  async notes(instanceId: InstanceId, signal?: AbortSignal): Promise<ProvisionRequest | undefined> {
    const directory = this.instances.at(instanceId);
    const record = await orAborted(directory.readRecord().catch(ignoreBroken), signal);
    if (!record) return undefined;
    const { tenantId, name, labels, spec } = record;
    return { instanceId, tenantId, name, labels, spec };
  }

  async list(signal?: AbortSignal): Promise<ProviderInstance[]> {
    await orAborted(this.open(), signal);
    const found = await orAborted(this.instances.all().catch(this.unavailable), signal);
    const limit = pLimit(READS_AT_ONCE);
    const all = await limit.map(found, (directory) => {
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
    const { process } = await orAborted(this.running(this.instances.at(id)), signal);
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
    const directory = this.instances.at(id);
    const { tail } = parseLogOptions(options);
    await orAborted(this.recordOf(directory), signal);
    return tailLines(directory.log, tail, signal, olderLog(directory.log));
  }

  /** In the instance's environment and working directory, in a process group of its own. */
  async exec(id: InstanceId, command: string[], signal?: AbortSignal): Promise<ExecResult> {
    const directory = this.instances.at(id);
    const [program, ...args] = parseCommand(command);
    const { record, run } = await orAborted(this.running(directory), signal);
    const env = instanceEnvironment(id, record, directory.work);
    const cwd = workingDirectoryOf(directory, record.spec);
    const file = await findExecutable(program, env.PATH ?? '', cwd);
    const confinement = { ...readConfinement(run.path), scratch: run.path };
    return runCommand({ file, args, env, directory: cwd, signal, confinement });
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
      task(directory)
        .catch((error: Error) => {
          throw asShortage(directory.id, error);
        })
        .finally(() => this.exits.changed(directory.id));
    return this.queue.run(directory.id, changed, signal);
  }

  /** Ends what runs and starts what the record says. What cannot be started is refused before anything ends. */
  private async run(
    directory: InstanceDirectory,
    record: InstanceRecord,
    signal: AbortSignal | undefined,
  ): Promise<ProviderInstance> {
    const user = this.users?.allocate(directory.id);
    const file = await executableOf(directory, { ...record, user });
    const ports = { ...record.ports };
    for (const { name } of record.spec.ports ?? [])
      if (!Object.hasOwn(ports, name)) ports[name] = await this.allocatePort(directory.id);
    const next = { ...record, ports, user };
    await directory.prepareRecord(next);
    await endRuns(directory, this.stopGrace, signal);
    signal?.throwIfAborted();
    for (const { name } of record.spec.ports ?? [])
      if (!(await isFree(ports[name]!))) throw new PortTakenError(directory.id, ports[name]!);
    await directory.useRecord();
    const child = await startRun(directory, next, file, this.cgroups, signal);
    this.children.set(directory.id, child);
    this.exits.follow(directory.id, child);
    return this.read(directory);
  }

  /** What a provision has left behind that failed before there was anything. */
  private async forgetUnmade(directory: InstanceDirectory): Promise<void> {
    const isMade = (await directory.readRecord().catch(() => true)) ?? (await directory.runs()).length > 0;
    if (isMade) return;
    await directory.remove();
    this.ports.release(directory.id);
    this.users?.release(directory.id);
  }

  /** What cannot be rotated now is rotated by a later look: the directory may be gone, the disk full. */
  private async rotateLogs(): Promise<void> {
    if (this.rotating) return;
    this.rotating = true;
    try {
      for (const { id, log } of await this.instances.all())
        await this.queue.run(id, () => rotateLog(log, this.logLimit)).catch(() => undefined);
    } catch {
      // The same.
    } finally {
      this.rotating = false;
    }
  }

  private async allocatePort(id: InstanceId): Promise<number> {
    try {
      return await this.ports.allocate(id);
    } catch (error) {
      throw new OutOfResourcesError(id, (error as Error).message, { cause: error });
    }
  }

  private read(directory: InstanceDirectory): Promise<ProviderInstance> {
    return readInstance(directory, this.children.get(directory.id));
  }

  private async wantedNow() {
    await this.open();
    const runs = await pLimit(READS_AT_ONCE).map(await this.instances.all(), async (directory) => {
      const { state, process } = stateOfRuns(await directory.runs());
      const isChild = process !== undefined && this.children.get(directory.id)?.pid === process.pid;
      const isFollowed = isChild && state === 'running';
      return process && state !== 'stopped' ? [{ id: directory.id, process, isFollowed }] : [];
    });
    return runs.flat();
  }

  /** @throws InstanceNotProvisionedError */
  private async recordOf(directory: InstanceDirectory): Promise<InstanceRecord> {
    const record = await directory.readRecord();
    if (!record) throw new InstanceNotProvisionedError(directory.id, this.name);
    return record;
  }

  /**
   * @throws InstanceNotProvisionedError
   * @throws InstanceNotRunningError
   */
  private async running(
    directory: InstanceDirectory,
  ): Promise<{ record: InstanceRecord; process: RunProcess; run: Run }> {
    const record = await this.recordOf(directory);
    const runs = await directory.runs();
    const { state, process } = stateOfRuns(runs);
    const run = runs.find((run) => run.process === process);
    if (state !== 'running' || !process || !run) throw new InstanceNotRunningError(directory.id);
    return { record, process, run };
  }

  /** Once, before the first change: the directory, what instances can be held by, and whose ports are whose. */
  private open(): Promise<void> {
    return (this.opened ??= this.readPorts().catch((error: Error) => {
      this.opened = undefined;
      this.unavailable(error);
    }));
  }

  private async readPorts(): Promise<void> {
    this.users = this.hasOwnUsers ? InstanceUsers.open() : undefined;
    this.cgroups = cgroupsForInstances();
    await this.instances.create({ passable: this.users !== undefined });
    this.rotation ??= startTicking(() => void this.rotateLogs(), LOG_LOOK, true);
    for (const directory of await this.instances.all()) {
      const record = await directory.readRecord().catch(ignoreBroken);
      if (record?.user !== undefined) this.users?.keep(record.user, directory.id);
      for (const port of Object.values(record?.ports ?? {})) this.ports.keep(port, directory.id);
    }
  }

  private readonly unavailable = (error: Error): never => {
    throw new ProviderUnavailableError(this.name, error.message, { cause: error });
  };
}

async function isRunning(directory: InstanceDirectory): Promise<boolean> {
  const open = (await directory.runs()).filter((run) => run.open); // one that is being ended does not count
  return stateOfRuns(open).state === 'running';
}

/** An instance whose record is broken may be provisioned anew: as if there were none. */
function ignoreBroken(error: Error): undefined {
  if (!(error instanceof BrokenInstanceError)) throw error;
}
