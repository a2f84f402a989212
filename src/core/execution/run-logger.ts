import { Logger } from '@nestjs/common';
import { type LogLevel, type RunLog } from '../history/run-log.js';
import { type Run } from '../history/run.js';
import { classAndMessageOf, isError } from '../text/describe-error.js';
import { shown } from '../text/shown.js';
import { storableText } from '../text/storable-text.js';

const LONGEST_LINE = 2_000;
const MOST_LINES = 100;
const MOST_BYTES = 16_384;

/**
 * The logger of one run: writes to the application's log under the worker's name, and keeps the lines in the run's
 * record.
 */
export class RunLogger extends Logger {
  private readonly sizes: number[] = [];
  private bytes = 0;

  /**
   * @param now milliseconds since the epoch
   * @param changed called when the run has a new line
   */
  constructor(
    private readonly run: Run,
    private readonly now: () => number,
    private readonly changed: () => void,
  ) {
    super(run.worker);
  }

  override verbose(message: unknown, ...more: unknown[]): void {
    this.write('verbose', message, more);
  }
  override debug(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }
  override log(message: unknown, ...more: unknown[]): void {
    this.write('log', message, more);
  }
  override warn(message: unknown, ...more: unknown[]): void {
    this.write('warn', message, more);
  }
  override error(message: unknown, ...more: unknown[]): void {
    this.write('error', message, more);
  }
  override fatal(message: unknown, ...more: unknown[]): void {
    this.write('fatal', message, more);
  }

  /** Keeps all levels, also those that the application does not print: they are missing most after a failure. */
  private write(level: LogLevel, message: unknown, more: unknown[]): void {
    this.keep(level, [message, ...more].map(textOf).join(' '));
    super[level](message, ...more);
  }

  private keep(level: LogLevel, text: string): void {
    // The record of an abandoned run is final.
    if (this.run.endedAt) return;
    const message = storableText(text, LONGEST_LINE);
    const log: RunLog = (this.run.log ??= { lines: [], dropped: 0 });
    log.lines.push({ at: new Date(this.now()), level, message });
    const size = Buffer.byteLength(message);
    this.sizes.push(size);
    this.bytes += size;
    while (this.sizes.length > MOST_LINES || this.bytes > MOST_BYTES) {
      log.lines.shift();
      log.dropped++;
      this.bytes -= this.sizes.shift()!;
    }
    this.changed();
  }
}

/** The JSON of an error lacks its message. */
function textOf(value: unknown): string {
  return isError(value) ? classAndMessageOf(value) : shown(value);
}
