import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasProc, isEnded, readProcStat } from './proc-stat.js';
import { isAlive, type ProcessIdentity, readProcessIdentity } from './process-identity.js';
import { pollUntil } from './waiting.js';

/**
 * An instance is a process group: its program, which leads it, and what that has started since. The group's
 * number is the leader's pid, and stays taken while anybody is in the group.
 *
 * Who leaves the group (a daemon with a session of its own) is out of reach.
 */

/** How long SIGKILL may take, in milliseconds: only a process in an uninterruptible wait needs any time at all. */
const KILL_TIMEOUT = 10_000;

/**
 * How long a process may seem to have no environment, in milliseconds: while it becomes another program it has
 * none for a moment (seen: an orphan taken for a stranger's, and left behind).
 */
const EXEC_TIME = 200;

/** How to end a group. */
export interface EndOptions {
  /** Milliseconds between SIGTERM and SIGKILL. */
  grace: number;
  /** `NAME=value` in the environment of all that belongs to the group. */
  mark: string;
  signal?: AbortSignal;
}

/**
 * SIGTERM to the group, SIGKILL to what is left after the grace; resolves when nothing of it runs.
 * False when something outlived even SIGKILL.
 *
 * Between the check that the group is ours and the signal lies a moment in which the pid could change hands.
 * It is microseconds long, and pids come round only after all others.
 */
export async function endProcessGroup(leader: ProcessIdentity, options: EndOptions): Promise<boolean> {
  const { grace, mark, signal } = options;
  if (!isAlive(leader) && !(await isGroupOfOrphans(leader.pid, mark))) return true;
  const ended = async () => !isAlive(leader) && !(await hasLivingMembers(leader.pid));
  signalGroup(leader.pid, 'SIGTERM');
  if (await pollUntil(ended, grace, signal)) return true;
  // Sent at each look: a process that was being forked at the first may have escaped it.
  return pollUntil(async () => !signalGroup(leader.pid, 'SIGKILL') || ended(), KILL_TIMEOUT, signal);
}

/** Sends it; false when the group is empty. A signal of 0 only asks. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    // EPERM: there is somebody, whom we may not signal (on macOS also: only zombies).
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Zombies stay in a group until their parent asks for them, and in some containers nobody ever does. */
async function hasLivingMembers(group: number): Promise<boolean> {
  return signalGroup(group, 0) && (await livingMembers(group)).length > 0;
}

/**
 * Whether the group, whose leader is gone, is what our instance left behind. If somebody else has the pid by
 * now, ours was empty before. If nobody has, it may yet be the group of a daemon that got the pid much later
 * and whose leader is gone too, so one member must carry the instance's mark. Without `/proc` nobody's
 * environment can be read: orphans are left alone there.
 */
async function isGroupOfOrphans(group: number, mark: string): Promise<boolean> {
  if (readProcessIdentity(group) || !signalGroup(group, 0)) return false;
  let isOurs = false;
  await pollUntil(async () => {
    const environments = await Promise.all((await livingMembers(group)).map(readEnvironment));
    isOurs = environments.some((variables) => variables.includes(mark));
    return isOurs || environments.every((variables) => variables.length > 0);
  }, EXEC_TIME);
  return isOurs;
}

/** Its variables as `NAME=value`; none when it is not ours to read, or in the midst of an exec. */
async function readEnvironment(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return text.split('\0').filter(Boolean);
}

async function livingMembers(group: number): Promise<number[]> {
  return hasProc() ? livingMembersFromProc(group) : livingMembersFromPs(group);
}

async function livingMembersFromProc(group: number): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isSafeInteger);
  return pids.filter((pid) => {
    const stat = readProcStat(pid);
    return stat?.processGroup === group && !stat.ended;
  });
}

async function livingMembersFromPs(group: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,pgid=,stat=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, its, state]) => Number(its) === group && !isEnded(state ?? ''))
    .map(([pid]) => Number(pid));
}
