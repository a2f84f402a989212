import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Redis } from 'ioredis';

/** A Redis of our own, which keeps nothing on the disk. */
export interface RedisServer {
  readonly url: string;
  readonly pid: number;
}

/** Calls `work` with a new Redis that is gone afterwards. */
export async function withRedis<T>(work: (server: RedisServer) => Promise<T>): Promise<T> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = once(server, 'exit').then(([code]): never => {
    throw new Error(`redis-server ended with ${code}`);
  });
  const missing = once(server, 'error').then(([error]): never => {
    throw new Error(`redis-server cannot be started (on Debian: apt-get install redis-server): ${error}`);
  });
  const url = `redis://127.0.0.1:${port}`;
  try {
    return await Promise.race([answers(url).then(() => work({ url, pid: server.pid! })), failed, missing]);
  } finally {
    failed.catch(() => {});
    server.kill('SIGKILL');
  }
}

async function answers(url: string): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => 50 });
  redis.on('error', () => {});
  await redis.ping();
  redis.disconnect();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
