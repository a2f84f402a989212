import { execFileSync } from 'node:child_process';
import { bootId, hasProc, isEnded, readProcStat } from './proc-stat.js';

/**
 * Which process, beyond its pid: the system gives a pid to another process as soon as the first is gone, so
 * a pid on disk says nothing by itself. Pid and start time together name one process for ever.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * Opaque, compared as it is. On Linux the clock ticks from boot to the process's start and the boot's id
   * (the same pid and tick can come again after a reboot); elsewhere what `ps` says, to the second.
   */
  readonly startTime: string;
}

/** The living process of that pid; undefined when there is none, or only its zombie. Synchronous, about 20 µs. */
export function readProcessIdentity(pid: number): ProcessIdentity | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const startTime = hasProc() ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether that very process is running: not a zombie, and not another which has got its pid. */
export function isAlive(identity: ProcessIdentity): boolean {
  return readProcessIdentity(identity.pid)?.startTime === identity.startTime;
}

function startTimeFromProc(pid: number): string | undefined {
  const stat = readProcStat(pid);
  return stat && !stat.ended ? `${stat.startTicks}@${bootId()}` : undefined;
}

function startTimeFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      // `lstart` is written in the reader's language and time zone.
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC0' },
    });
    const [state = '', ...started] = line.trim().split(/\s+/);
    return isEnded(state) ? undefined : started.join(' ');
  } catch (error) {
    if ((error as { status?: number | null }).status === 1) return undefined; // how ps says: no such process
    throw error;
  }
}
