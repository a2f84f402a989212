import { readFileSync } from 'node:fs';

/** What `/proc/<pid>/stat` says of a process (proc(5)), as far as anybody here asks. */
export interface ProcStat {
  /** A zombie, or about to be one: it no longer runs, and only its parent has yet to take notice. */
  ended: boolean;
  parent: number;
  processGroup: number;
  session: number;
  /** Time on a core since its start, in clock ticks. */
  cpuTicks: number;
  /** That of its children which have ended and which it has taken notice of. */
  childrenCpuTicks: number;
  /** Clock ticks from boot to its start, as written there. */
  startTicks: string;
}

/** USER_HZ, the same on every architecture that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** Of proc(5)'s fields, which count from 1, the two first are the pid and the command. */
const AFTER_COMMAND = 3;

/** Undefined when there is no such process. */
export function readProcStat(pid: number): ProcStat | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command may hold spaces and brackets of its own: the last bracket is where it ends.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => fields[number - AFTER_COMMAND] ?? '';
  return {
    ended: isEnded(field(3)),
    parent: Number(field(4)),
    processGroup: Number(field(5)),
    session: Number(field(6)),
    cpuTicks: Number(field(14)) + Number(field(15)),
    childrenCpuTicks: Number(field(16)) + Number(field(17)),
    startTicks: field(22),
  };
}

/**
 * Memory that the process has to itself, in bytes: what it has allocated, and shared memory, without files that
 * are mapped. Null for a zombie, which has none.
 */
export function readOwnMemory(pid: number): number | null {
  const status = readIfThere(`/proc/${pid}/status`) ?? '';
  const kilobytes = [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)].map(([, value]) =>
    Number(value),
  );
  return kilobytes.length ? kilobytes.reduce((sum, value) => sum + value) * 1_024 : null;
}

/** Bytes from and to storage, those of its ended children among them; null where they may not be read. */
export function readStorageIo(pid: number): { read: number; written: number } | null {
  let text: string | undefined;
  try {
    text = readIfThere(`/proc/${pid}/io`);
  } catch {
    return null; // EACCES: another user's
  }
  const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? NaN);
  const [read, written] = [number('read_bytes'), number('write_bytes')];
  return Number.isNaN(read) || Number.isNaN(written) ? null : { read, written };
}

/** Whether this state of proc(5) or ps(1) is that of a process that has ended. */
export function isEnded(state: string): boolean {
  return /^[ZXx]/.test(state);
}

let seen: boolean | undefined;
/** Whether this system tells of processes by `/proc`, as Linux does. */
export function hasProc(): boolean {
  return (seen ??= readIfThere('/proc/self/stat') !== undefined);
}

let boot: string | undefined;
/** The id of this boot; empty where the system has none. */
export function bootId(): string {
  return (boot ??= readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? '');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: the process ended between open and read.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
