/** As the methods of Nest's logger are called. */
export type LogLevel = 'verbose' | 'debug' | 'log' | 'warn' | 'error' | 'fatal';

export interface RunLogLine {
  at: Date;
  level: LogLevel;
  /** At most 2,000 characters. */
  message: string;
}

/** What a run has said by `context.logger`: its newest lines, at most 100 of them and 16 KiB of text. */
export interface RunLog {
  /** Oldest first. */
  lines: RunLogLine[];
  /** Older ones that there was no room for. */
  dropped: number;
}
