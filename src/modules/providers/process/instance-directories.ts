import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { isId, parseId } from '../../ids/typed-id.js';
import { InstanceDirectory } from './instance-directory.js';

/** Enough to keep the disk busy, few enough for the open file limit. */
const READS_AT_ONCE = 16;

/** The directory that holds those of all instances, each under its id. */
export class InstanceDirectories {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Makes it, readable by this user alone; with `passable` others may pass through to what they know is there. */
  async create({ passable = false } = {}): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    if (passable) await chmod(this.path, 0o711);
  }

  /** Rejects when nothing can be written to it: missing, read-only, full. */
  async probe(): Promise<void> {
    const file = join(this.path, '.probe');
    await writeFile(file, 'x').finally(() => rm(file, { force: true }));
  }

  /**
   * That of one instance, whether it exists or not.
   * @throws InvalidIdError for anything that is no id, such as a path that leads elsewhere.
   */
  at(id: string): InstanceDirectory {
    const checked = parseId('instance', id);
    return new InstanceDirectory(checked, join(this.path, checked));
  }

  /** Those that are there; whatever else lies in the directory is passed over. */
  async all(): Promise<InstanceDirectory[]> {
    const names = await readdir(this.path);
    return names.filter((name) => isId('instance', name)).map((name) => this.at(name));
  }
}

/** What `read` makes of each, 16 at the same time. */
export function readEach<T>(
  directories: readonly InstanceDirectory[],
  read: (directory: InstanceDirectory) => Promise<T>,
): Promise<T[]> {
  return pLimit(READS_AT_ONCE).map(directories, read);
}

/** With those of all their services. */
export async function withServices(directories: readonly InstanceDirectory[]): Promise<InstanceDirectory[]> {
  const all = await readEach(directories, async (directory) => [directory, ...(await directory.services())]);
  return all.flat();
}
