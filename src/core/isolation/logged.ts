import { type Logger, type LoggerService } from '@nestjs/common';
import { type LogLevel } from '../history/run-log.js';
import { isError } from '../text/describe-error.js';
import { shown } from '../text/shown.js';
import { type LoggedArgument } from './messages.js';
import { fromWire, toWire } from './wire-error.js';

/** What was logged in a child, as it can be copied. Never throws. */
export function toLogged(args: readonly unknown[]): LoggedArgument[] {
  return args.map((value) => {
    if (isError(value)) return { error: toWire(value) };
    if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
      return { value };
    try {
      return { value: structuredClone(value) };
    } catch {
      return { value: shown(value) };
    }
  });
}

/** Logs it here as it was logged there. The application's logger may throw, which must not end the child. */
export function logAgain(
  logger: Partial<LoggerService> | typeof Logger,
  level: LogLevel,
  args: readonly LoggedArgument[],
): void {
  const [message, ...more] = args.map((arg) => ('error' in arg ? fromWire(arg.error) : arg.value));
  try {
    logger[level]?.(message, ...more);
  } catch {
    // There is nowhere else to log it.
  }
}
