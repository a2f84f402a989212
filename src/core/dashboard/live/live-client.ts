import { type ServerResponse } from 'node:http';
import { startTimer, type Timer } from '../../timing/timer.js';

/** One that has taken nothing for this many milliseconds is let go. */
const PATIENCE = 30_000;

/**
 * Whoever listens to the stream. What does not go out at once is not kept for it: it gets a snapshot when it can take
 * something again. So the memory that it costs is bounded by one message, however slow it is.
 */
export class LiveClient {
  private full = false;
  private missed = false;
  private overdue?: Timer;

  /** @param snapshot what it needs if it has missed something */
  constructor(
    private readonly response: ServerResponse,
    private readonly snapshot: () => string,
  ) {
    response.on('drain', () => this.drained());
    response.once('close', () => this.overdue?.cancel());
  }

  send(message: string): void {
    if (this.full) this.missed = true;
    else this.write(message);
  }

  /** It still listens; nothing is told. */
  ping(): void {
    if (!this.full) this.write(':\n\n');
  }

  end(message: string): void {
    this.overdue?.cancel();
    // What it has not taken yet would keep the connection, and with it the shutdown.
    if (this.full) this.response.destroy();
    else this.response.end(message);
  }

  private write(message: string): void {
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
