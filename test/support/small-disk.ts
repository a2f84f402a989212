import { afterEach, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK = 64 * 1024;
const FILLER = 'filler';

/** A test on a file system of a few megabytes: left out where this user may not mount one, as in many containers. */
export const itOnSmallDisk: typeof it.skip = canMount() ? it : it.skip;

/** Mounts such file systems, each empty and open to every user, and takes them away again. */
export function smallDisks(cleanUp: typeof afterEach = afterEach): (megabytes: number) => string {
  const mounted: string[] = [];
  cleanUp(() => mounted.splice(0).forEach(unmount));
  return (megabytes) => {
    const directory = mkdtempSync(join(tmpdir(), 'ctrlplane-workers-disk-'));
    if (!mount(directory, megabytes)) throw new Error(`Cannot mount a tmpfs at ${directory}`);
    mounted.push(directory);
    return directory;
  };
}

/** Writes until the disk takes no byte any more. */
export function fill(disk: string): void {
  const file = openSync(join(disk, FILLER), 'a');
  try {
    for (let size = CHUNK; size >= 1;) {
      try {
        writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Another size for one that `smallDisks` has mounted. */
export function resize(disk: string, megabytes: number): void {
  const { status } = spawnSync('mount', ['-o', `remount,size=${megabytes}m`, disk]);
  if (status !== 0) throw new Error(`Cannot resize ${disk}`);
}

/** Takes away what `fill` has written. */
export function free(disk: string): void {
  rmSync(join(disk, FILLER));
}

function canMount(): boolean {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return false;
  const directory = mkdtempSync(join(tmpdir(), 'ctrlplane-workers-disk-'));
  try {
    return mount(directory, 1);
  } finally {
    unmount(directory);
  }
}

function mount(directory: string, megabytes: number): boolean {
  const options = `size=${megabytes}m,mode=755`;
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]).status === 0;
}

function unmount(directory: string): void {
  // Lazily: what still has a file open there keeps nobody waiting.
  spawnSync('umount', ['-l', directory]);
  rmdirSync(directory);
}
