import { type ChildProcess } from 'node:child_process';
import { type InstanceId } from '../../ids/typed-id.js';
import { OutOfResourcesError, PortTakenError } from '../provider.errors.js';
import { type ExitWatch, type WantedInstance } from './exit-watch.js';
import { cgroupsForInstances } from './instance-cgroup.js';
import { readEach } from './instance-directories.js';
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
  private readonly children = new Map<InstanceId, ChildProcess>();
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
    for (const directory of directories) {
      const { user, ports = {} } = (await recordUnlessBroken(directory)) ?? {};
      if (user !== undefined) this.users?.keep(user, directory.id);
      for (const port of Object.values(ports)) this.ports.keep(port, directory.id);
    }
  }

  childOf(id: InstanceId): ChildProcess | undefined {
    return this.children.get(id);
  }

  /** Ends what runs and starts what the record says. What cannot be started is refused before anything ends. */
  async start(directory: InstanceDirectory, record: InstanceRecord, signal?: AbortSignal): Promise<void> {
    const user = this.users?.allocate(directory.id);
    const file = await executableOf(directory, { ...record, user });
    const ports = { ...record.ports };
    for (const { name } of record.spec.ports ?? [])
      if (!Object.hasOwn(ports, name)) ports[name] = await this.allocatePort(directory.id);
    const next = { ...record, ports, user };
    await directory.prepareRecord(next);
    await endRuns(directory, this.options.stopGrace, signal);
    signal?.throwIfAborted();
    for (const { name } of record.spec.ports ?? [])
      if (!(await isFree(ports[name]!))) throw new PortTakenError(directory.id, ports[name]!);
    await directory.useRecord();
    const child = await startRun(directory, next, file, this.cgroups, signal);
    this.children.set(directory.id, child);
    this.options.exits.follow(directory.id, child);
  }

  /** What a provision has left behind that failed before there was anything. */
  async forgetUnmade(directory: InstanceDirectory): Promise<void> {
    const isMade = (await directory.readRecord().catch(() => true)) ?? (await directory.runs()).length > 0;
    if (isMade) return;
    await directory.remove();
    this.release(directory.id);
  }

  /** The instance is gone: others may have what was its. */
  release(id: InstanceId): void {
    this.ports.release(id);
    this.users?.release(id);
    this.children.delete(id);
  }

  /** Those of the instances that should run, for the `ExitWatch`. */
  async wanted(directories: readonly InstanceDirectory[]): Promise<WantedInstance[]> {
    const found = await readEach(directories, async (directory) => {
      const { state, process } = stateOfRuns(await directory.runs());
      const isChild = process !== undefined && this.children.get(directory.id)?.pid === process.pid;
      const isFollowed = isChild && state === 'running';
      return process && state !== 'stopped' ? [{ id: directory.id, process, isFollowed }] : [];
    });
    return found.flat();
  }

  private async allocatePort(id: InstanceId): Promise<number> {
    try {
      return await this.ports.allocate(id);
    } catch (error) {
      throw new OutOfResourcesError(id, (error as Error).message, { cause: error });
    }
  }
}
