import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Resources } from '../provider.js';
import { hasProc, readProcStat, TICKS_PER_SECOND } from './proc-stat.js';
import { isAlive, type ProcessIdentity } from './process-identity.js';
import { orAborted, pause } from '../waiting.js';

/** Milliseconds between the two readings of a process's clock, which ticks a hundred times a second. */
const SAMPLE = 250;

/**
 * What the process uses now: its share of a core over a quarter of a second on Linux, elsewhere what `ps`
 * makes of the last minute. Of the process alone, without those that it has started.
 * Undefined when it is not running any more.
 */
export async function readProcessUsage(
  identity: ProcessIdentity,
  signal?: AbortSignal,
): Promise<Resources | undefined> {
  const usage = hasProc() ? await usageFromProc(identity, signal) : await usageFromPs(identity, signal);
  return usage && isAlive(identity) ? usage : undefined;
}

async function usageFromProc({ pid }: ProcessIdentity, signal?: AbortSignal): Promise<Resources | undefined> {
  const before = readProcStat(pid)?.cpuTicks;
  const start = performance.now();
  await pause(SAMPLE, signal);
  const after = readProcStat(pid)?.cpuTicks;
  const ticks = ((performance.now() - start) / 1_000) * TICKS_PER_SECOND;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  if (before === undefined || after === undefined || !resident) return undefined;
  return {
    cpuPercent: ((after - before) / ticks) * 100,
    memoryBytes: Number(resident[1]) * 1_024,
    readAt: new Date(),
  };
}

async function usageFromPs({ pid }: ProcessIdentity, signal?: AbortSignal): Promise<Resources | undefined> {
  const ps = promisify(execFile)('ps', ['-o', 'pcpu=,rss=', '-p', String(pid)], {
    env: { ...process.env, LC_ALL: 'C' }, // or the percentage may have a decimal comma
  });
  const noProcess = (error: { code?: unknown }) => {
    if (error.code === 1) return { stdout: '' };
    throw error as Error;
  };
  const { stdout } = await orAborted(ps.catch(noProcess), signal);
  const [cpuPercent, kilobytes] = stdout.trim().split(/\s+/).map(Number);
  if (cpuPercent === undefined || kilobytes === undefined) return undefined;
  return { cpuPercent, memoryBytes: kilobytes * 1_024, readAt: new Date() };
}
