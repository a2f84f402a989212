import { Worker as Thread } from 'node:worker_threads';
import { CHILD_FILE } from './child-file.cjs';
import { type ToChild, type ToParent } from './messages.js';
import { type ChildOptions, type Transport, type TransportEvents } from './transport.js';

/** A worker thread. */
export class ThreadTransport implements Transport {
  readonly kind = 'thread';
  readonly pid = undefined;
  private readonly thread: Thread;
  private error: unknown;

  /** @throws what Node throws for invalid options */
  constructor({ memory, execArgv, name }: ChildOptions, events: TransportEvents) {
    this.thread = new Thread(CHILD_FILE, {
      name,
      ...(memory !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memory } }),
      // Given as a list, they are checked again, and those of a process may not hold for threads.
      ...(execArgv && { execArgv: [...execArgv] }),
    });
    this.thread.on('message', (message: ToParent) => events.received(message));
    this.thread.on('error', (error) => (this.error = error));
    this.thread.on('exit', (code) => events.exited({ code, error: this.error }));
  }

  post(message: ToChild): void {
    this.thread.postMessage(message);
  }

  kill(): void {
    void this.thread.terminate();
  }

  hold(): void {
    this.thread.ref();
  }

  release(): void {
    this.thread.unref();
  }
}
