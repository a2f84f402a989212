import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';

/** A Redis of a test, with an append-only file. */
export class RedisServer {
  private child?: ChildProcess;

  private constructor(
    readonly port: number,
    private readonly directory: string,
  ) {}

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'workers-redis-')));
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, also after a kill, with what it had written. */
  async start(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory, '--save', ''];
    const child = spawn('redis-server', [...args, '--appendonly', 'yes', '--appendfsync', 'everysec'], {
      stdio: 'ignore',
    });
    this.child = child;
    const ended = new Promise<never>((_resolve, reject) =>
      child.once('exit', (code, signal) => reject(new Error(`redis-server ended with ${code ?? signal}`))),
    );
    ended.catch(() => {});
    const probe = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    probe.on('error', () => {});
    try {
      await Promise.race([loaded(probe), ended]);
    } finally {
      probe.disconnect();
    }
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** SIGSTOP: it keeps its connections, and answers nothing. */
  freeze(): void {
    this.child!.kill('SIGSTOP');
  }

  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  async destroy(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** While it reads its file, it answers every call with an error. */
async function loaded(probe: Redis): Promise<void> {
  for (;;) {
    try {
      await probe.ping();
      return;
    } catch (error) {
      if (!/LOADING/.test((error as Error).message)) throw error;
    }
  }
}
