import { type LoggerService } from '@nestjs/common';
import { type LogLevel } from '../history/run-log.js';

type Write = (level: LogLevel, args: readonly unknown[]) => void;

/** Hands on what is logged, with its level. */
export class ChannelLogger implements LoggerService {
  constructor(private readonly write: Write) {}

  verbose(...args: unknown[]): void {
    this.write('verbose', args);
  }
  debug(...args: unknown[]): void {
    this.write('debug', args);
  }
  log(...args: unknown[]): void {
    this.write('log', args);
  }
  warn(...args: unknown[]): void {
    this.write('warn', args);
  }
  error(...args: unknown[]): void {
    this.write('error', args);
  }
  fatal(...args: unknown[]): void {
    this.write('fatal', args);
  }
}
