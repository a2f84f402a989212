/** Names of the methods of Nest's logger. */
export type LogLevel = 'verbose' | 'debug' | 'log' | 'warn' | 'error' | 'fatal';

export interface RunLogLine {
  at: Date;
  level: LogLevel;
  /** At most 2,000 characters. */
  message: string;
}

/** What a run has logged by `context.logger`: its newest lines, at most 100 lines and 16 KiB of text. */
export interface RunLog {
  /** Oldest first. */
  lines: RunLogLine[];
  /** Number of older lines that were dropped. */
  dropped: number;
}
