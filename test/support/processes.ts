import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readProcessIdentity } from '../../src/modules/providers/process/process-identity.js';

/** Whether a process of that pid runs; a zombie does not. */
export function runs(pid: number): boolean {
  return readProcessIdentity(pid) !== undefined;
}

/** All of its environment as text. Linux. */
export function environmentOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/environ`, 'utf8');
}

/** Addresses, such as `127.0.0.1`, that these processes listen on. Linux. */
export async function listeningAddresses(pids: readonly number[]): Promise<string[]> {
  const own = new Set((await Promise.all(pids.map(socketsOf))).flat());
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  const lines = tables.flatMap((table) => table.trim().split('\n').slice(1));
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTEN && own.has(inode!))
    .map(([, local]) => addressOf(local!));
}

const LISTEN = '0A';

/** Inodes of the sockets that a process has open. */
async function socketsOf(pid: number): Promise<string[]> {
  const names = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(names.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

/** `0100007F:0BB8` is 127.0.0.1: an IPv4 address is a number in the machine's order there; others stay as they are. */
function addressOf(local: string): string {
  const [address = ''] = local.split(':');
  return address.length === 8 ? Buffer.from(address, 'hex').reverse().join('.') : address;
}

/** Pid of the PostgreSQL in an app's data directory, as its pid file says. */
export async function postmasterOf(dataDirectory: string): Promise<number> {
  const text = await readFile(join(dataDirectory, 'postgres/data/postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}
