import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Redis, type RedisOptions } from '../peers/ioredis.js';

/** A Redis of our own. */
export interface RedisServer {
  readonly url: string;
  readonly pid: number;
}

/** Calls `work` with a new Redis that is gone afterwards, and keeps nothing on the disk. */
export function withRedis<T>(work: (server: RedisServer) => Promise<T>): Promise<T> {
  return withServer(['--appendonly', 'no'], work);
}

/** The same with one whose every answer waits for the disk, as each commit of PostgreSQL does. */
export async function withDurableRedis<T>(work: (server: RedisServer) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-bench-'));
  try {
    return await withServer(['--appendonly', 'yes', '--appendfsync', 'always', '--dir', directory], work);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function withServer<T>(how: string[], work: (server: RedisServer) => Promise<T>): Promise<T> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...how];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => {
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    server.once('error', (error) =>
      reject(new Error(`redis-server cannot be started (on Debian: apt-get install redis-server): ${error}`)),
    );
  });
  failed.catch(() => {});
  const url = `redis://127.0.0.1:${port}`;
  const probe = await redisClient(url, { retryStrategy: () => 50 });
  probe.on('error', () => {});
  try {
    await Promise.race([probe.ping(), failed]);
    return await Promise.race([work({ url, pid: server.pid! }), failed]);
  } finally {
    // It would try for ever, and keep the process.
    probe.disconnect();
    server.kill('SIGKILL');
  }
}

/** Loaded when it is needed: of all benches, few need packages of others. */
export async function redisClient(url: string, options: RedisOptions = {}): Promise<Redis> {
  const { Redis } = await import('../peers/ioredis.js');
  return new Redis(url, options);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
