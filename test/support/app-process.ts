import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';

/** Milliseconds for anything that a process should say or do soon. Generous: a build may come first. */
const PATIENCE = 90_000;

/** How a process ended: `code` unless a signal killed it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What an HTTP request brought. */
export interface Answer<Body = unknown> {
  status: number;
  body: Body;
}

export interface Launch {
  command: [string, ...string[]];
  cwd: string;
  /** All of its environment. */
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
}

/** A process that tells on its stdout what it is up to, such as the app, and what leads to it, such as npm. */
export class AppProcess {
  /** All it wrote so far, stdout and stderr as they came. */
  output = '';
  /** When it has ended and all its output is here. */
  readonly exit: Promise<Exit>;
  private readonly child: ChildProcess;
  /** Emits `change` when there is more output, and at the end. */
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private ended = false;

  constructor({ command: [program, ...args], ...options }: Launch) {
    // A group of its own: what npm or a terminal starts can be killed with it.
    this.child = spawn(program, args, { ...options, detached: true, stdio: 'pipe' });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.output += chunk;
        this.changes.emit('change');
      });
    this.exit = once(this.child, 'close')
      .then(([code, signal]) => ({ code, signal }) as Exit)
      .finally(() => {
        this.ended = true;
        this.changes.emit('change');
      });
    this.exit.catch(() => undefined); // such as ENOENT, for whoever awaits it
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits until its output matches. Rejects with all of it when the process ends first. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (this.ended) throw this.failure(`ended and never said ${pattern}`);
      await once(this.changes, 'change', { signal }).catch(() => {
        throw this.failure(`has not said ${pattern} within ${PATIENCE} ms`);
      });
    }
  }

  /** Its address, once it says so. */
  async url(): Promise<string> {
    const [, url] = await this.said(/running at (http:\/\/\S+)\s/);
    return url!;
  }

  async get<Body = unknown>(path: string): Promise<Answer<Body>> {
    return answerOf(await fetch((await this.url()) + path));
  }

  /** @param token none: no such header is sent */
  async post<Body = unknown>(path: string, token?: string): Promise<Answer<Body>> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return answerOf(await fetch((await this.url()) + path, { method: 'POST', headers }));
  }

  /** To its terminal, if it has one. */
  type(keys: string): void {
    this.child.stdin!.write(keys);
  }

  /** To this very process, as `kill` does. */
  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it and what it has started in its group, whatever state it is in. */
  async destroy(): Promise<void> {
    if (this.ended || this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await this.exit;
  }

  private failure(what: string): Error {
    return new Error(`${this.child.spawnargs.join(' ')} ${what}. Its output:\n${this.output}`);
  }
}

async function answerOf<Body>(response: Response): Promise<Answer<Body>> {
  return { status: response.status, body: (await response.json()) as Body };
}
