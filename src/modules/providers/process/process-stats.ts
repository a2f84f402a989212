import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasProc, readOwnMemory, readProcStat, readStorageIo, TICKS_PER_SECOND } from './proc-stat.js';

/** What the processes of one group have used and use, together. Null: not to be had on this system. */
export interface GroupStats {
  cpuSeconds: number | null;
  memoryWorkingSetBytes: number | null;
  ioReadBytes: number | null;
  ioWriteBytes: number | null;
  processes: number;
}

/** Processes read between two breaths of the event loop: about two milliseconds. */
const READS_PER_BREATH = 100;

/**
 * Of all these process groups at once, by the leader's pid: all processes are read through once, however many
 * groups there are. A process counts for the group or the session that it is in, so that one which makes a group of its own
 * within the instance's session is counted. A group without processes is left out.
 */
export async function readGroupStats(
  leaders: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<Map<number, GroupStats>> {
  if (leaders.size === 0) return new Map();
  return hasProc() ? statsFromProc(leaders, signal) : statsFromPs(leaders);
}

async function statsFromProc(
  leaders: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<Map<number, GroupStats>> {
  const groups = new Map<number, GroupStats>();
  const pids = (await readdir('/proc')).map(Number).filter(Number.isSafeInteger);
  for (const [index, pid] of pids.entries()) {
    if (index % READS_PER_BREATH === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
    const stat = readProcStat(pid);
    const leader = stat && [stat.processGroup, stat.session].find((id) => leaders.has(id));
    if (leader === undefined) continue;
    // A zombie's time is nobody else's yet: its parent is given it when it takes notice.
    const ticks = stat!.cpuTicks + stat!.childrenCpuTicks;
    const io = readStorageIo(pid);
    add(groups, leader, {
      cpuSeconds: ticks / TICKS_PER_SECOND,
      memoryWorkingSetBytes: stat!.ended ? 0 : readOwnMemory(pid),
      ioReadBytes: io && io.read,
      ioWriteBytes: io && io.written,
      processes: stat!.ended ? 0 : 1,
    });
  }
  return groups;
}

async function statsFromPs(leaders: ReadonlySet<number>): Promise<Map<number, GroupStats>> {
  const groups = new Map<number, GroupStats>();
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pgid=,time=,rss='], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  for (const line of stdout.trim().split('\n')) {
    const [group, time = '', kilobytes] = line.trim().split(/\s+/);
    if (!leaders.has(Number(group))) continue;
    add(groups, Number(group), {
      cpuSeconds: secondsOf(time),
      memoryWorkingSetBytes: Number(kilobytes) * 1_024,
      ioReadBytes: null,
      ioWriteBytes: null,
      processes: 1,
    });
  }
  return groups;
}

/** What ps calls a time: `[[days-]hours:]minutes:seconds`, the seconds perhaps with hundredths. */
export function secondsOf(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse();
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return Number(days) * 86_400 + seconds;
}

/** What one process cannot tell, the sum of all does not know. */
function add(groups: Map<number, GroupStats>, leader: number, more: GroupStats): void {
  const before = groups.get(leader);
  if (!before) return void groups.set(leader, more);
  const sum = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);
  groups.set(leader, {
    cpuSeconds: sum(before.cpuSeconds, more.cpuSeconds),
    memoryWorkingSetBytes: sum(before.memoryWorkingSetBytes, more.memoryWorkingSetBytes),
    ioReadBytes: sum(before.ioReadBytes, more.ioReadBytes),
    ioWriteBytes: sum(before.ioWriteBytes, more.ioWriteBytes),
    processes: before.processes + more.processes,
  });
}
