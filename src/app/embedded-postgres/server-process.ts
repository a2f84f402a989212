import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ProcessIdentity,
  readProcessIdentity,
} from '../../modules/providers/process/process-identity.js';
import { hasProc, readProcStat } from '../../modules/providers/process/proc-stat.js';
import { type ClusterFiles } from './cluster-directory.js';

/** The server that `postmaster.pid` names. PostgreSQL writes it while starting and removes it when it has ended. */
export interface ServerProcess {
  pid: number;
  port: number;
}

/** The file as PostgreSQL left it, whether or not that server lives. Undefined if there is none, or half of one. */
export async function readServerProcess({ data }: ClusterFiles): Promise<ServerProcess | undefined> {
  const text = await readFile(pidFile(data), 'utf8').catch(() => '');
  // Line 1 is the pid, line 4 the port: src/include/utils/pidfile.h.
  const lines = text.split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 && port > 0 ? { pid, port } : undefined;
}

export function pidFile(data: string): string {
  return join(data, 'postmaster.pid');
}

/**
 * What has that pid now. A pid file outlives a power cut, and its number may have gone to any process since.
 * - `server`: the PostgreSQL of this very cluster
 * - `postgres`: some PostgreSQL; whether of this cluster cannot be told from its arguments
 * - `other`: something else for certain
 * - `nothing`: no process, or one that is past its end
 */
export async function whoHas(
  pid: number,
  { data }: ClusterFiles,
): Promise<'server' | 'postgres' | 'other' | 'nothing'> {
  if (!readProcessIdentity(pid)) return 'nothing';
  const args = `${await commandLine(pid)} `;
  if (args === ' ') return 'nothing';
  if (!/(^|\/)postgres /.test(args)) return 'other';
  return args.includes(`-D ${data} `) ? 'server' : 'postgres';
}

/** Its living children. */
export async function childrenOf(parent: number): Promise<ProcessIdentity[]> {
  const pids = hasProc()
    ? (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && readProcStat(pid)?.parent === parent)
    : await childrenByPs(parent);
  return pids.flatMap((pid) => readProcessIdentity(pid) ?? []);
}

async function childrenByPs(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([pid, ppid]) => (ppid === parent ? pid! : []));
}

/** Its arguments joined by spaces; empty when it has ended. PostgreSQL's main process keeps those it was given. */
async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return raw.split('\0').join(' ').trim();
  }
  const listed = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(
    () => undefined,
  );
  return listed?.stdout.trim() ?? '';
}
