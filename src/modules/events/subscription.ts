import { Logger } from '@nestjs/common';
import { messageOf } from '../../core/text/describe-error.js';
import { untraced } from '../../core/timing/untraced.js';
import { type EventHandler } from './event-bus.js';
import { type EventLog, type LogEntry, type LogPosition } from './event.log.js';
import { type Snapshot } from './snapshot.js';
import { startTimer } from '../../core/timing/timer.js';

const PAGE = 200;

/**
 * One reader of the log: reads on from its position, hands each event to the handler and waits for it, then
 * for a nudge or the poll interval. A position of its own makes it independent: a handler that is slow, fails
 * or never returns holds up nobody else, and nothing piles up in memory.
 */
export class Subscription {
  private readonly logger = new Logger('Events');
  private since?: Snapshot;
  private position?: LogPosition;
  private reading?: Promise<unknown>;
  private stopped = false;
  private nudged = false;
  private cut = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly log: EventLog,
    /** Which events; null for all. */
    private readonly types: readonly string[] | null,
    private readonly handler: EventHandler,
    private readonly pollInterval: number,
  ) {}

  /** Whether it is settled from which moment on events are handed over. */
  get anchored(): boolean {
    return this.since !== undefined;
  }

  /** Settles that moment. The first call counts. */
  anchor(moment: Snapshot): void {
    this.since ??= moment;
    this.position ??= { xact: this.since.xmin, seq: 0n };
  }

  /** Reads until stopped. Never rejects. */
  async run(): Promise<void> {
    while (!this.stopped) {
      const entries = await this.read();
      for (const entry of entries) await this.hand(entry);
      if (entries.length < PAGE) await this.pause();
    }
  }

  /** There may be something new. */
  nudge(): void {
    this.nudged = true;
    this.wake();
  }

  /** No further event is handed over. Resolves when no query of it runs any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.reading;
  }

  private async read(): Promise<LogEntry[]> {
    const attempt = this.next();
    this.reading = attempt.catch(() => undefined);
    try {
      const entries = await attempt;
      if (this.cut) this.logger.log('Events are delivered again.');
      this.cut = false;
      return entries;
    } catch (error) {
      if (!this.cut && !this.stopped) {
        this.logger.warn(`Events wait for the database: ${messageOf(error)}. None is lost; trying on.`);
      }
      this.cut = true;
      return [];
    }
  }

  private async next(): Promise<LogEntry[]> {
    return untraced(async () => {
      if (!this.since) this.anchor(await this.log.snapshot());
      const { entries, next } = await this.log.after(this.position!, this.types, PAGE);
      this.position = next;
      return entries;
    });
  }

  private async hand({ xact, event }: LogEntry): Promise<void> {
    if (this.stopped || this.since!.sees(xact)) return;
    try {
      await this.handler(event);
    } catch (error) {
      this.logger.error(
        `A subscriber failed on ${event.type} ${event.id}: ${messageOf(error)}`,
        error instanceof Error ? error.stack : undefined,
      );
    }
  }

  private async pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = startTimer(resolve, this.nudged || this.stopped ? 0 : this.pollInterval, true);
      this.wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.nudged = false;
  }
}
