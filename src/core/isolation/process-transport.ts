import { type ChildProcess, fork } from 'node:child_process';
import { startTimer } from '../timing/timer.js';
import { CHILD_FILE } from './child-file.cjs';
import { type ToChild, type ToParent } from './messages.js';
import { type ChildOptions, type Exit, type Transport, type TransportEvents } from './transport.js';

/** Milliseconds for the last messages of a process that has ended. */
const LAST_MESSAGES = 1_000;

/** Options of this process that are of no use to another: a debugger's port is taken, and it reads a file, no text. */
const NOT_INHERITED = /^--(inspect|input-type|watch|test)(-|=|$)/;

/** A child process. */
export class ProcessTransport implements Transport {
  readonly kind = 'process';
  private readonly child: ChildProcess;
  private exit?: Exit;
  private told = false;

  constructor(
    { memory, execArgv }: ChildOptions,
    private readonly events: TransportEvents,
  ) {
    const inherited = execArgv ?? process.execArgv.filter((option) => !NOT_INHERITED.test(option));
    this.child = fork(CHILD_FILE, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...inherited, ...(memory === undefined ? [] : [`--max-old-space-size=${memory}`])],
    });
    this.child.on('message', (message) => events.received(message as ToParent));
    // `exit` may come before the last messages, `disconnect` comes after them.
    this.child.on('exit', (code, signal) => {
      this.exit = { code, signal: signal ?? undefined };
      if (this.child.connected) startTimer(() => this.end(), LAST_MESSAGES);
      else this.end();
    });
    this.child.on('disconnect', () => {
      if (this.exit) this.end();
      // It could say no more how its run has ended.
      else this.kill();
    });
    this.child.on('error', (error) => {
      // Also for a message to a process that has just ended.
      if (this.child.pid !== undefined) return;
      this.exit = { code: null, error };
      this.end();
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  post(message: ToChild): void {
    if (this.child.connected) this.child.send(message, () => {});
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  hold(): void {
    this.child.ref();
    this.child.channel?.ref();
  }

  release(): void {
    this.child.unref();
    this.child.channel?.unref();
  }

  private end(): void {
    if (this.told || !this.exit) return;
    this.told = true;
    this.events.exited(this.exit);
  }
}
