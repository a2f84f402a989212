import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil } from '../waiting.js';

/** Milliseconds that the kernel gets to end all of a group. */
const KILL_TIMEOUT = 10_000;

/**
 * Groups of the kernel (cgroup v2) that hold all of an instance: nothing that an instance does takes a process out
 * of its group, neither a session of its own nor a second fork, unless it may write where groups are kept.
 *
 * @returns the directory for the groups of instances; undefined where this user may make none, as an ordinary user
 *   whom systemd has delegated nothing, or in a container whose groups are read-only
 */
export function cgroupsForInstances(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const mount = mountPoint();
    if (!mount) return undefined;
    // As root beside the service's own group and not in it: when a service ends, systemd ends all in its group.
    const parent = process.getuid?.() === 0 ? mount : join(mount, ownGroup());
    const groups = join(parent, 'ctrlplane-workers');
    mkdirSync(groups, { recursive: true });
    const probe = join(groups, `probe-${randomUUID()}`);
    mkdirSync(probe);
    try {
      const { status } = spawnSync('/bin/sh', ['-c', 'echo $$ >"$1"/cgroup.procs', 'sh', probe]);
      return status === 0 ? groups : undefined;
    } finally {
      rmdirSync(probe);
    }
  } catch {
    return undefined;
  }
}

function mountPoint(): string | undefined {
  // Fields of proc_pid_mountinfo(5): the fifth is where, the first after the hyphen is what.
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const line = mounts.find((mount) => mount.includes(' - cgroup2 '));
  return line?.split(' ')[4];
}

function ownGroup(): string {
  return /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
}

/** Makes the group of one start. */
export async function makeCgroup(path: string): Promise<void> {
  await mkdir(path);
}

/** Whether anything runs in it. A group that is gone was empty. */
export function isPopulated(path: string): boolean {
  try {
    return readFileSync(join(path, 'cgroup.events'), 'utf8').includes('populated 1');
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/**
 * SIGTERM to all in the group, SIGKILL after the grace. Resolves when it is empty, and removed.
 * @returns false when something outlived even that
 */
export async function endCgroup(path: string, grace: number, signal?: AbortSignal): Promise<boolean> {
  const empty = () => !isPopulated(path);
  for (const pid of membersOf(path)) send(pid, 'SIGTERM');
  if (!(await pollUntil(empty, grace, signal))) {
    const killed = await pollUntil(() => (killAll(path), empty()), KILL_TIMEOUT, signal);
    if (!killed) return false;
  }
  removeCgroup(path);
  return true;
}

/** The kernel does it at once for all, forks in flight included; before Linux 5.14 one by one, until none is left. */
function killAll(path: string): void {
  const file = join(path, 'cgroup.kill');
  try {
    if (existsSync(file)) writeFileSync(file, '1');
    else for (const pid of membersOf(path)) send(pid, 'SIGKILL');
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

export function removeCgroup(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    // EBUSY: a process that has ended is still being taken apart. An empty group costs nothing.
    if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
}

function membersOf(path: string): number[] {
  try {
    return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    if (pid > 0) process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** ENODEV: the group was removed while its file was open. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENODEV';
}
