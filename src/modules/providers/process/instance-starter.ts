import { type ChildProcess } from 'node:child_process';
import { type InstanceId } from '../../ids/typed-id.js';
import { OutOfResourcesError, PortTakenError } from '../provider.errors.js';
import { type ExitWatch, type WantedInstance } from './exit-watch.js';
import { cgroupsForInstances } from './instance-cgroup.js';
import { type PortSpec } from '../provider.js';
import { kindOf } from '../services/service-plan.js';
import { allPorts, programOf } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { readEach, withServices } from './instance-directories.js';
import { type InstanceDirectory } from './instance-directory.js';
import { recordUnlessBroken } from './instance-reading.js';
import { type InstanceRecord } from './instance-record.js';
import { endRuns, executableOf, startRun, stateOfRuns } from './instance-runs.js';
import { InstanceUsers } from './instance-users.js';
import { isFree, PortAllocator } from '../port-allocator.js';

export interface InstanceStarterOptions {
  /** Milliseconds that what runs gets to end. */
  stopGrace: number;
  /** Whether each instance gets a user of its own, where this process can give it one. */
  ownUsers: boolean;
  exits: Pick<ExitWatch, 'follow'>;
}

/**
 * Starts instances with what the machine gives them: ports, a user of their own, a group of the kernel's. Each is the
 * instance's until it is released.
 */
export class InstanceStarter {
  private readonly ports = new PortAllocator<InstanceId>();
  /** Started by this process: only a parent learns the exit code. */
  private readonly children = new Map<string, ChildProcess>();
  /** Absent: instances run as this process's user. */
  private users?: InstanceUsers;
  /** Where instances get groups of the kernel's; absent where none can be had. */
  private cgroups?: string;

  constructor(private readonly options: InstanceStarterOptions) {}

  /** Looks what this machine can give. @throws Error as root where it cannot give users, with what to do about it */
  open(): void {
    this.users = this.options.ownUsers ? InstanceUsers.open() : undefined;
    this.cgroups = cgroupsForInstances();
  }

  get givesUsers(): boolean {
    return this.users !== undefined;
  }

  /** Notes what is whose, as found on disk. */
  async keepAll(directories: readonly InstanceDirectory[]): Promise<void> {
    for (const directory of await withServices(directories)) {
      const { user, ports = {} } = (await recordUnlessBroken(directory)) ?? {};
      if (user !== undefined) this.users?.keep(user, directory.key);
      for (const port of Object.values(ports)) this.ports.keep(port, directory.id);
    }
  }

  childOf({ key }: InstanceDirectory): ChildProcess | undefined {
    return this.children.get(key);
  }

  /** Ends what runs and starts what the record says. What cannot be started is refused before anything ends. */
  async start(directory: InstanceDirectory, record: InstanceRecord, signal?: AbortSignal): Promise<void> {
    const user = this.users?.allocate(directory.key);
    const file = await executableOf(directory, { ...record, user });
    const ports = await this.allocatePorts(directory.id, allPorts(record.spec), record.ports);
    const next = { ...record, ports, user };
    await directory.prepareRecord(next);
    await endRuns(directory, this.options.stopGrace, signal);
    signal?.throwIfAborted();
    for (const { name } of programOf(record.spec, directory.serviceName).ports ?? [])
      if (!(await isFree(ports[name]!))) throw new PortTakenError(directory.id, ports[name]!);
    await directory.useRecord();
    const child = await startRun(directory, next, file, this.cgroups, signal);
    this.children.set(directory.key, child);
    const isDone = kindOf(record.spec, directory.serviceName ?? MAIN) === 'init';
    if (!isDone) this.options.exits.follow(directory.id, child);
  }

  /** What a provision has left behind that failed before there was anything. */
  async forgetUnmade(directory: InstanceDirectory): Promise<void> {
    const isMade = (await directory.readRecord().catch(() => true)) ?? (await directory.runs()).length > 0;
    if (isMade) return;
    await directory.remove();
    this.release(directory, []);
  }

  /** The instance is gone: others may have what was its. */
  release(directory: InstanceDirectory, services: readonly InstanceDirectory[]): void {
    this.ports.release(directory.id);
    for (const each of [directory, ...services]) this.releaseService(each);
  }

  /** One of its services is gone. */
  releaseService({ key }: InstanceDirectory): void {
    this.users?.release(key);
    this.children.delete(key);
  }

  /** Those of the instances that should run, for the `ExitWatch`. */
  async wanted(directories: readonly InstanceDirectory[]): Promise<WantedInstance[]> {
    const found = await readEach(await withServices(directories), async (directory) => {
      const { state, process } = stateOfRuns(await directory.runs());
      const isChild = process !== undefined && this.children.get(directory.key)?.pid === process.pid;
      const isFollowed = isChild && state === 'running';
      const isLasting = async () =>
        directory.serviceName === undefined ||
        kindOf((await recordUnlessBroken(directory))?.spec, directory.serviceName) !== 'init';
      return process && state !== 'stopped' && (await isLasting())
        ? [{ id: directory.id, process, isFollowed }]
        : [];
    });
    return found.flat();
  }

  /** The numbers that are known, and new ones for the other ports. */
  async allocatePorts(
    id: InstanceId,
    wanted: readonly PortSpec[],
    known: Record<string, number>,
  ): Promise<Record<string, number>> {
    const ports = { ...known };
    for (const { name } of wanted) if (!Object.hasOwn(ports, name)) ports[name] = await this.allocatePort(id);
    return ports;
  }

  private async allocatePort(id: InstanceId): Promise<number> {
    try {
      return await this.ports.allocate(id);
    } catch (error) {
      throw new OutOfResourcesError(id, (error as Error).message, { cause: error });
    }
  }
}
