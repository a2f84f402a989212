import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Run } from '../../src/core/history/run.js';
import { type WorkerInfo } from '../../src/core/worker/worker-info.js';

/** As `builtCheckout`, whose file only Jest can load: `npm run kills:isolated` runs without it. */
function checkout(): string {
  const path = process.env.TEST_CHECKOUT;
  if (!path) throw new Error('TEST_CHECKOUT is not set: run the tests by Jest with --selectProjects system');
  return path;
}

/** Of `test/apps/isolated/`. */
export interface IsolatedAppOptions {
  /** Default `app.mjs`. */
  program?: string;
  execArgv?: string[];
  env?: Record<string, string>;
}

interface Answer {
  ready?: number;
  id?: number;
  value?: unknown;
  error?: string;
}

/** An application with isolated workers, in a process of its own that does what it is told. */
export class IsolatedApp {
  /** All that it has written so far, its threads and processes too. */
  output = '';
  /** When it has ended: its code, or the signal. Node emits no `close` after `disconnect`. */
  readonly exit: Promise<number | string | null>;
  private readonly app: ChildProcess;
  private readonly waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  private last = 0;
  private ended?: Error;
  private readonly ready: Promise<void>;

  constructor({ program = 'app.mjs', execArgv = [], env = {} }: IsolatedAppOptions = {}) {
    this.app = fork(join(checkout(), 'test/apps/isolated', program), [], {
      cwd: checkout(),
      execArgv,
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.app.stdout!, this.app.stderr!])
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    let isReady = (): void => {};
    const ended = new Promise<number | string | null>((resolve) =>
      this.app.on('exit', (code, signal) => resolve(code ?? signal)),
    );
    this.exit = ended;
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve;
      void ended.then((how) => {
        const error = new Error(`The application has ended (${how}):\n${this.output}`);
        this.ended = error;
        reject(error);
        for (const asked of this.waiting.values()) asked.reject(error);
      });
    });
    this.ready.catch(() => {});
    this.app.on('message', ({ ready, id, value, error }: Answer) => {
      if (ready !== undefined) return isReady();
      const asked = this.waiting.get(id!);
      this.waiting.delete(id!);
      if (error === undefined) asked?.resolve(value as never);
      else asked?.reject(new Error(error));
    });
  }

  get pid(): number {
    return this.app.pid!;
  }

  /** Runs a worker to its end. Dates are texts. */
  run(worker: string, more: { payload?: unknown; cancel?: boolean } = {}): Promise<Run> {
    return this.ask('run', { worker, ...more });
  }

  worker(worker: string): Promise<WorkerInfo> {
    return this.ask('worker', { worker });
  }

  /** Closes it. @returns what then still keeps it alive, beside its standard streams and the way to here */
  close(): Promise<string[]> {
    return this.ask('close');
  }

  async ask<T>(command: string, more: object = {}): Promise<T> {
    await this.ready;
    if (this.ended) throw this.ended;
    const id = ++this.last;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.app.send({ id, command, ...more });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.app.kill(signal);
  }

  /** Lets it end when it has nothing more to do. */
  disconnect(): void {
    if (this.app.connected) this.app.disconnect();
  }

  /** For the end of a test. */
  async destroy(): Promise<void> {
    if (this.app.exitCode === null && this.app.signalCode === null) this.app.kill('SIGKILL');
    await this.exit;
  }
}

/** Processes whose parent is that one, zombies too. Linux. */
export function childrenOf(pid: number): { pid: number; state: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(name) : undefined;
    if (stat === undefined) return [];
    // The name of the program stands in brackets, and may hold anything.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(parent) === pid ? [{ pid: Number(name), state: state! }] : [];
  });
}

/** Undefined when it has ended meanwhile. */
function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
}
