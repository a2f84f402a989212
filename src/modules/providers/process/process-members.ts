import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasProc, isEnded, readProcStat } from './proc-stat.js';
import { type ProcessIdentity, readProcessIdentity } from './process-identity.js';
import { pause } from '../waiting.js';

/** By what a process is known to belong to an instance where there is no cgroup. */
export interface Belonging {
  /** The program, which leads a group and a session. Absent when nothing tells who it was. */
  leader?: ProcessIdentity;
  /** `NAME=value` in the environment of all that belongs to it, unless they have cleared that. */
  mark: string;
  /** The user that nothing else runs as. With it the mark is not needed. */
  user?: number;
}

/** Living processes of an instance. */
export interface Members {
  pids: number[];
  /** In a group of the leader's number, with the leader gone and an environment that may not be read. */
  unsure: number[];
}

/**
 * How long a process may seem to have no environment, in milliseconds: while it becomes another program it has
 * none for a moment (seen: an orphan taken for a stranger's, and left behind; longer on a busy machine).
 */
const EXEC_TIME = 500;
const LOOK_AGAIN = 5;

/** What a process is to an instance. `unread`: it is in the midst of an exec, and has no environment for a moment. */
type Verdict = 'member' | 'stranger' | 'unsure' | 'unread';

/**
 * Looks for all that belongs to an instance: its group, its session, whoever carries its mark or runs as its user.
 * One search may look several times; strangers are not read twice.
 */
export class MemberSearch {
  private readonly strangers = new Map<number, string>();
  private readonly members = new Map<number, string>();
  /** When it was first seen without an environment, by pid and start. */
  private readonly bare = new Map<string, number>();

  constructor(private readonly belonging: Belonging) {}

  /** Looks until of each process it is known what it is. */
  async look(): Promise<Members> {
    for (;;) {
      const { unread, ...members } = await this.lookOnce();
      if (unread.length === 0) return members;
      await pause(LOOK_AGAIN);
    }
  }

  private async lookOnce(): Promise<Members & { unread: number[] }> {
    const found: Record<Verdict, number[]> = { member: [], stranger: [], unsure: [], unread: [] };
    const leads = this.leaderState();
    if (!hasProc()) {
      // Nobody's environment can be read here: a group whose leader is gone may be another's.
      const pids = leads === 'alive' ? await groupFromPs(this.belonging.leader!.pid) : [];
      return { pids, unsure: [], unread: [] };
    }
    const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isSafeInteger(pid) && pid !== process.pid); // prettier-ignore
    for (const pid of pids) {
      const stat = readProcStat(pid);
      // Of no group: a thread of the kernel.
      if (!stat || stat.ended || stat.processGroup === 0) continue;
      if (this.strangers.get(pid) === stat.startTicks) continue;
      // Once a member, always one: while it ends it has no environment any more (seen: on a busy machine for long).
      const known = this.members.get(pid) === stat.startTicks;
      let verdict = known ? 'member' : await this.judge(pid, stat, leads);
      if (verdict === 'unread' && this.staysBare(`${pid} ${stat.startTicks}`)) verdict = 'stranger';
      if (verdict === 'stranger') this.strangers.set(pid, stat.startTicks);
      if (verdict === 'member') this.members.set(pid, stat.startTicks);
      found[verdict].push(pid);
    }
    return { pids: found.member, unsure: found.unsure, unread: found.unread };
  }

  private staysBare(process: string): boolean {
    const since = this.bare.get(process) ?? performance.now();
    this.bare.set(process, since);
    return performance.now() - since > EXEC_TIME;
  }

  /** If somebody else has the leader's pid by now, nobody of ours is left in its group: the number was free. */
  private leaderState(): 'alive' | 'gone' | 'replaced' | 'none' {
    const { leader } = this.belonging;
    if (!leader) return 'none';
    const now = readProcessIdentity(leader.pid);
    if (!now) return 'gone';
    return now.startTime === leader.startTime ? 'alive' : 'replaced';
  }

  private async judge(
    pid: number,
    { processGroup, session }: { processGroup: number; session: number },
    leads: 'alive' | 'gone' | 'replaced' | 'none',
  ): Promise<Verdict> {
    const { leader, mark, user } = this.belonging;
    const inGroup = leader !== undefined && (processGroup === leader.pid || session === leader.pid);
    if (inGroup && leads === 'alive') return 'member';
    if (user !== undefined) return (await userOf(pid)) === user ? 'member' : 'stranger';
    const variables = await readEnvironment(pid);
    if (variables?.includes(mark)) return 'member';
    // Whose group it is by now cannot be told, so a process that may be ours is neither spared nor ended.
    if (variables === undefined) return inGroup && leads === 'gone' ? 'unsure' : 'stranger';
    return variables.length > 0 ? 'stranger' : 'unread';
  }
}

/** Its variables as `NAME=value`; none in the midst of an exec; undefined when not ours to read. */
async function readEnvironment(pid: number): Promise<string[] | undefined> {
  try {
    return (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').filter(Boolean);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? ['gone'] : undefined;
  }
}

/** The real user: a program that is not to be dumped has files of root in `/proc`. */
async function userOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const user = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  return user === undefined ? undefined : Number(user);
}

async function groupFromPs(group: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,pgid=,stat=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, its, state]) => Number(its) === group && !isEnded(state ?? ''))
    .map(([pid]) => Number(pid));
}
