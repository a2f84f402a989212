import { randomUUID } from 'node:crypto';
import {
  access,
  chmod,
  chown,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type InstanceId } from '../../ids/typed-id.js';
import { writeConfinement } from './confinement.js';
import { makeCgroup } from './instance-cgroup.js';
import { type InstanceRecord, prepareRecord, readRecord, useRecord } from './instance-record.js';
import { LOG_LIMIT, olderLog } from './log-rotation.js';
import { type ProcessIdentity } from './process-identity.js';
import { removeTree } from './remove-tree.js';

/**
 * One start of an instance, as it is on disk: a directory which the launched process joins by putting its
 * identity there. While the directory has its first name, `run.*`, somebody may yet join; renamed to
 * `ended.*` nobody can any more, and what had joined is to be ended. A start which was cut short, even one
 * whose launcher is still on its way, is so called off by one rename.
 */
export interface Run {
  path: string;
  /** Whether it may still be joined. */
  open: boolean;
  /** The process that has joined: undefined when none has, `unreadable` when the file makes no sense. */
  process?: RunProcess | 'unreadable';
}

export interface RunProcess extends ProcessIdentity {
  startedAt: Date;
}

const SERVICES = 'services';

const OPEN = 'run.';
const ENDED = 'ended.';

/** The file in a run's directory by which a process has joined it: its pid, a space, its start time. */
export const IDENTITY_FILE = 'identity';

/**
 * The files of one instance, by which it is known again after a restart of the control plane:
 *
 *     spec.json           what it is to run; with this file the instance begins and ends to exist
 *     run.<uuid>/         the present start: `confinement.json`, and `identity` once the process runs
 *     output.log          what it writes to stdout and stderr
 *     work/               where it runs, unless its spec says otherwise
 *     services/<name>/    the same again for each other service, each with the record of the whole instance
 */
export class InstanceDirectory {
  readonly log: string;
  readonly work: string;
  private readonly spec: string;

  constructor(
    readonly id: InstanceId,
    private readonly path: string,
    /** Which service it is of. Absent: the main program. */
    readonly serviceName?: string,
  ) {
    this.spec = join(path, 'spec.json');
    this.log = join(path, 'output.log');
    this.work = join(path, 'work');
  }

  /** By what this program is told from all others: in its environment, and as the owner of its user. */
  get key(): string {
    return this.serviceName === undefined ? this.id : `${this.id}.${this.serviceName}`;
  }

  /** That of one of its services, whether it exists or not. */
  service(name: string): InstanceDirectory {
    return new InstanceDirectory(this.id, join(this.path, SERVICES, name), name);
  }

  /** Those of its services that are there. */
  async services(): Promise<InstanceDirectory[]> {
    const names = await readdir(join(this.path, SERVICES)).catch(noneIfMissing<string[]>([]));
    return names.map((name) => this.service(name));
  }

  /** @throws BrokenInstanceError when there is one that cannot be used. */
  readRecord(): Promise<InstanceRecord | undefined> {
    return readRecord(this.id, this.spec);
  }

  async writeRecord(record: InstanceRecord): Promise<void> {
    await this.prepareRecord(record);
    await this.useRecord();
  }

  /** The record as it is to be from `useRecord` on: what the disk does not take is refused before anything changes. */
  async prepareRecord(record: InstanceRecord): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await prepareRecord(this.spec, record);
  }

  useRecord(): Promise<void> {
    return useRecord(this.spec);
  }

  /** All starts that have not been cleared away: none or one, and after a crash perhaps more. */
  async runs(): Promise<Run[]> {
    const names = await readdir(this.path).catch(noneIfMissing<string[]>([]));
    const runs = names
      .filter((name) => name.startsWith(OPEN) || name.startsWith(ENDED))
      .map((name) => this.readRun({ path: join(this.path, name), open: name.startsWith(OPEN) }));
    const read = await Promise.all(runs);
    // One of them was renamed or removed since the directory was read: what we have may never have been true.
    return read.includes(undefined) ? this.runs() : (read as Run[]);
  }

  /**
   * A new start, for one process to join. `user`: owner of the working directory; nothing else here is ever an instance's
   * own. `cgroups`: directory in which the run gets a group of the kernel's.
   */
  async openRun({ user, cgroups }: { user?: number; cgroups?: string } = {}): Promise<Run> {
    const id = randomUUID();
    const path = join(this.path, `${OPEN}${id}`);
    await mkdir(this.work, { recursive: true, mode: 0o700 });
    if (user !== undefined) {
      // Its user has to get to the working directory.
      const above = this.serviceName === undefined ? [] : [dirname(dirname(this.path)), dirname(this.path)];
      for (const path of [...above, this.path]) await chmod(path, 0o711);
      await chown(this.work, user, user);
    }
    await mkdir(path, { mode: 0o700 });
    const cgroup = cgroups && join(cgroups, `${this.id}.${id}`);
    try {
      // Noted before it is made: a group that is not there is an empty one.
      await writeConfinement(path, { user, cgroup });
      if (cgroup) await makeCgroup(cgroup);
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
    return { path, open: true };
  }

  /** The run as it is now; undefined when it was closed or removed since. */
  async readRun({ path, open }: Run): Promise<Run | undefined> {
    const file = join(path, IDENTITY_FILE);
    try {
      const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
      return { path, open, process: parseIdentity(text, new Date(mtimeMs)) };
    } catch (error) {
      const none = noneIfMissing({ path, open })(error as Error);
      return access(path).then(() => none, noneIfMissing(undefined));
    }
  }

  /** Nobody can join the run from here on. The run as it is then. */
  async closeRun(run: Run): Promise<Run> {
    if (!run.open) return run;
    const path = join(this.path, run.path.slice(this.path.length + 1).replace(OPEN, ENDED));
    await rename(run.path, path);
    return (await this.readRun({ path, open: false })) as Run;
  }

  /** To be called when its process is gone. */
  async removeRun(run: Run): Promise<void> {
    // A launcher that came too late may be writing into it at this very moment.
    await rm(run.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 10 });
  }

  /** The log, open for another start to append to. One that is large makes way, with nothing of it lost. */
  async openLog(): Promise<FileHandle> {
    const size = await stat(this.log).then(({ size }) => size, noneIfMissing(0));
    if (size > LOG_LIMIT) await rename(this.log, olderLog(this.log));
    return open(this.log, 'a', 0o600);
  }

  /** Removes it all. To be called when no process is left; the record goes first, and with it the instance. */
  async remove(): Promise<void> {
    await rm(this.spec, { force: true });
    await removeTree(this.path);
  }
}

function parseIdentity(text: string, startedAt: Date): RunProcess | 'unreadable' {
  const [, pid, startTime] = /^(\d+) (\S.*)\n$/.exec(text) ?? [];
  return pid && startTime ? { pid: Number(pid), startTime, startedAt } : 'unreadable';
}

function noneIfMissing<T>(none: T): (error: Error) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw error;
  };
}
