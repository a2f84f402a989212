import { type ServerResponse } from 'node:http';
import { startTimer, type Timer } from '../../timing/timer.js';

/** Milliseconds after which a client that reads nothing is disconnected. */
const PATIENCE = 30_000;

/**
 * A client of the stream. Messages that cannot be sent at once are dropped: it gets a snapshot when it can read again. So
 * a client needs the memory of at most one message, however slow it is.
 */
export class LiveClient {
  private full = false;
  private missed = false;
  private overdue?: Timer;

  /** @param snapshot makes the message for a client that has missed something */
  constructor(
    private readonly response: ServerResponse,
    private readonly snapshot: () => string | Buffer,
  ) {
    response.on('drain', () => this.drained());
    response.once('close', () => this.overdue?.cancel());
  }

  send(message: string | Buffer): void {
    if (this.full) this.missed = true;
    else this.write(message);
  }

  /** Sends a sign of life without data. */
  ping(): void {
    if (!this.full) this.write(':\n\n');
  }

  end(message: string): void {
    this.overdue?.cancel();
    // Data that the client has not read would keep the connection open, and delay the shutdown.
    if (this.full) this.response.destroy();
    else this.response.end(message);
  }

  private write(message: string | Buffer): void {
    if (this.response.destroyed || this.response.writableEnded) return;
    this.full = !this.response.write(message);
    if (this.full) this.overdue = startTimer(() => this.response.destroy(), PATIENCE, true);
  }

  private drained(): void {
    this.overdue?.cancel();
    this.full = false;
    if (!this.missed) return;
    this.missed = false;
    this.write(this.snapshot());
  }
}
