import { Socket } from 'node:net';
import { startTimer } from '../../core/timing/timer.js';

/** Milliseconds for connections to be closed in good order. */
const END_WITHIN = 2_000;

/** The sockets of a pool: a server that hangs never says goodbye, and the end of a pool would wait for that. */
export class PoolSockets {
  private readonly open = new Set<Socket>();

  /** The option `stream` of `pg`. */
  readonly stream = (): Socket => {
    const socket = new Socket();
    this.open.add(socket.once('close', () => this.open.delete(socket)));
    return socket;
  };

  /** Ends the pool as that does, and breaks what is open two seconds later: then queries that wait for an answer reject. */
  async during(end: () => Promise<void>): Promise<void> {
    const timer = startTimer(() => this.open.forEach((socket) => socket.destroy()), END_WITHIN);
    try {
      await end();
    } finally {
      timer.cancel();
    }
  }
}
