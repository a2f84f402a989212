import { Logger } from '@nestjs/common';
import { messageOf } from '../../core/text/describe-error.js';
import { atMost } from '../../core/timing/at-most.js';
import { type Clock, SystemClock } from '../../core/timing/clock.js';
import { type BatchSink } from './batch-sink.js';
import { OldestFirstQueue } from './oldest-first-queue.js';
import { writeFailure } from './write-failure.js';
import { withDefaults } from '../input/with-defaults.js';

export interface BatchWriterOptions<Row> {
  /** What the rows are, for the log, such as `health results`. */
  what: string;
  /** Most rows of a write. Default 5,000. */
  batchSize?: number | undefined;
  /** Most rows held, those being written included; when there are more, the oldest go. Default 100,000. */
  maxBuffered?: number | undefined;
  /** Most milliseconds that a row waits for others to be written with. Default 1,000. */
  flushAfter?: number | undefined;
  /** Writes at a time. Default 1, which keeps the order of the rows. */
  writesAtOnce?: number | undefined;
  /** Called with every loss, at once. Must not throw. */
  onDropped?: ((loss: DroppedRows<Row>) => void) | undefined;
}

/**
 * Why rows were not written. `overflow`: the buffer was full. `refused`: the database will never take the row.
 * `closed`: the writer was closed before they could be written, or before they came.
 */
export type DropReason = 'overflow' | 'refused' | 'closed';

export interface DroppedRows<Row> {
  readonly reason: DropReason;
  readonly rows: readonly Row[];
  /** What the database said of a row that it refused. */
  readonly error?: unknown;
}

/** Where every row that was added is: `buffered + written + dropped` is what was added. */
export interface BatchCounts {
  /** Waiting, or being written. */
  readonly buffered: number;
  readonly written: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Whether the last write failed although no row was to blame. */
  readonly unreachable: boolean;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** Milliseconds for a write to end whose signal has aborted. */
const HEEDS_WITHIN = 1_000;

/** So often a row by itself may take too long, before it is not tried again: the rows behind it wait meanwhile. */
const MOST_LATE = 5;

/**
 * Takes rows at once and writes them in batches, so that nobody who makes rows waits for the database, and memory stays
 * bounded when rows come faster than they are written.
 *
 * A batch that the database refuses is cut in halves until the row that is to blame is alone: it costs itself. One that
 * does not finish in time is tried in halves as well. When the database cannot be reached, all is kept and tried again,
 * after 100 ms at first and 5 s at the longest. What is dropped is counted by reason, and told to `onDropped`.
 */
export class BatchWriter<Row extends object> {
  private readonly logger = new Logger('BatchWriter');
  private readonly queue = new OldestFirstQueue<Row>();
  private readonly lateAlone = new WeakMap<Row, number>();
  private readonly ended = new AbortController();
  private readonly options: Required<Omit<BatchWriterOptions<Row>, 'onDropped'>>;
  private readonly onDropped?: (loss: DroppedRows<Row>) => void;
  private readonly writes = new Set<Promise<void>>();
  private inFlight = 0;
  private written = 0;
  private readonly dropped: Record<DropReason, number> = { overflow: 0, refused: 0, closed: 0 };
  /** Fewer than the option says after a write that took too long. */
  private batchSize: number;
  private failures = 0;
  private closing = false;
  private flushTimer?: { cancel(): void };
  /** Set while there is no use in trying: all writes wait for it. */
  private pause?: { over: Promise<void>; end: () => void };
  private idle: (() => void)[] = [];

  constructor(
    private readonly sink: BatchSink<Row>,
    { onDropped, ...options }: BatchWriterOptions<Row>,
    private readonly clock: Clock = new SystemClock(),
  ) {
    const defaults = { batchSize: 5_000, maxBuffered: 100_000, flushAfter: 1_000, writesAtOnce: 1 };
    this.options = withDefaults(defaults, options);
    this.onDropped = onDropped;
    this.batchSize = this.options.batchSize;
  }

  /** Takes rows to be written soon. Never waits and never throws. */
  add(...rows: readonly Row[]): void {
    this.addAll(rows);
  }

  /** The same for many. */
  addAll(rows: readonly Row[]): void {
    if (this.closing) {
      this.drop('closed', rows);
      return;
    }
    for (const row of rows) this.queue.push(row);
    this.dropWhatDoesNotFit();
    this.wake();
  }

  counts(): BatchCounts {
    return {
      buffered: this.queue.size + this.inFlight,
      written: this.written,
      dropped: { ...this.dropped },
      unreachable: this.failures > 0,
    };
  }

  /** Resolves when nothing is buffered: all that was added by then is written or dropped. */
  async flush(): Promise<void> {
    if (this.queue.size + this.inFlight === 0) return;
    const emptied = new Promise<void>((resolve) => this.idle.push(resolve));
    this.startWrites();
    return emptied;
  }

  /**
   * Takes no more rows, and writes what is buffered. What is not written within the time is dropped, and counted; a
   * write that is on its way then may have succeeded all the same.
   * @param within milliseconds, default 5,000
   */
  async close(within = 5_000): Promise<BatchCounts> {
    if (this.closing) return this.counts();
    this.closing = true;
    this.pause?.end();
    await atMost(within, this.flush(), this.clock);
    this.ended.abort(new Error('The writer was closed'));
    this.flushTimer?.cancel();
    this.pause?.end();
    const ended = Promise.all(this.writes);
    await atMost(HEEDS_WITHIN, ended, this.clock);
    // Breaks what has not heeded the signal, such as a query that waits for the answer of a server that hangs.
    await this.sink.close();
    await atMost(HEEDS_WITHIN, ended, this.clock);
    this.drop('closed', this.queue.take(this.queue.size));
    if (this.dropped.closed > 0)
      this.logger.error(`${this.dropped.closed} ${this.options.what} could not be written before the end`);
    return this.counts();
  }

  private wake(): void {
    if (this.pause || this.queue.size === 0) return;
    if (this.queue.size >= this.batchSize) this.startWrites();
    else
      this.flushTimer ??= this.clock.setTimer(() => {
        this.flushTimer = undefined;
        this.startWrites();
      }, this.options.flushAfter);
  }

  private startWrites(): void {
    const wanted = Math.min(Math.ceil(this.queue.size / this.batchSize), this.options.writesAtOnce);
    while (this.writes.size < wanted) {
      const write = this.writeAll().finally(() => {
        this.writes.delete(write);
        this.wroteAll();
      });
      this.writes.add(write);
    }
  }

  private wroteAll(): void {
    if (this.ended.signal.aborted || this.queue.size + this.inFlight === 0)
      for (const resolve of this.idle.splice(0)) resolve();
    // Rows that came between its last look and its end.
    else if (this.idle.length > 0) this.startWrites();
    else this.wake();
  }

  private async writeAll(): Promise<void> {
    while (!this.ended.signal.aborted) {
      if (this.pause) await this.pause.over;
      else if (this.queue.size === 0) return;
      else await this.writeBatch(this.queue.take(this.batchSize));
    }
  }

  /** Writes a batch, in as small parts as it takes. What may be tried again is back in the queue afterwards. */
  private async writeBatch(batch: Row[]): Promise<void> {
    const parts = [batch];
    this.inFlight += batch.length;
    for (let part = parts.shift(); part; part = parts.shift()) {
      try {
        await this.sink.write(part, this.ended.signal);
        this.inFlight -= part.length;
        this.wrote(part.length);
      } catch (error) {
        const failure = writeFailure(error);
        if (failure === 'late' && part.length > 1) this.batchSize = Math.ceil(part.length / 2);
        if (failure !== 'unreachable' && part.length > 1 && !this.ended.signal.aborted) {
          const half = part.length >> 1;
          parts.unshift(part.slice(0, half), part.slice(half));
        } else if (failure === 'refused' || (failure === 'late' && this.isHopeless(part[0]!))) {
          this.inFlight--;
          this.drop('refused', part, error);
        } else {
          this.putBack([part, ...parts].flat(), error);
          return;
        }
      }
    }
  }

  private wrote(count: number): void {
    if (this.failures > 0)
      this.logger.log(`${this.options.what} can be written again, ${this.counts().buffered} are buffered`);
    this.failures = 0;
    this.written += count;
    this.batchSize = Math.min(this.batchSize * 2, this.options.batchSize);
  }

  private putBack(rows: Row[], error: unknown): void {
    this.inFlight -= rows.length;
    this.queue.putBack(rows);
    this.dropWhatDoesNotFit();
    if (this.ended.signal.aborted) return;
    if (++this.failures === 1)
      this.logger.error(`${this.options.what} cannot be written, buffering: ${messageOf(error)}`);
    if (this.pause) return;
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
    let end!: () => void;
    const over = new Promise<void>((resolve) => (end = resolve));
    // Between half of it and all, so that replicas do not all come back to a server that has just started.
    const timer = this.clock.setTimer(() => this.pause?.end(), longest * (0.5 + Math.random() / 2));
    this.pause = {
      over,
      end: () => {
        timer.cancel();
        this.pause = undefined;
        end();
      },
    };
  }

  private isHopeless(row: Row): boolean {
    const times = (this.lateAlone.get(row) ?? 0) + 1;
    this.lateAlone.set(row, times);
    return times >= MOST_LATE;
  }

  /** Of those that wait: what is being written cannot be taken back. */
  private dropWhatDoesNotFit(): void {
    const excess = this.queue.size + this.inFlight - this.options.maxBuffered;
    if (excess > 0) this.drop('overflow', this.queue.take(excess));
  }

  private drop(reason: DropReason, rows: readonly Row[], error?: unknown): void {
    if (rows.length === 0) return;
    if (this.dropped[reason] === 0 && reason !== 'closed')
      this.logger.warn(
        reason === 'refused'
          ? `The database refuses one of the ${this.options.what}; it is dropped: ${messageOf(error)}`
          : `More ${this.options.what} come than are written: the oldest are dropped`,
      );
    this.dropped[reason] += rows.length;
    this.onDropped?.({ reason, rows, error });
  }
}
