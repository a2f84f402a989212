/** Workers of the application that is measured, and those of them that run each second. */
export const WORKERS = 500;
export const TICKING = 100;

/** What the server says of itself, after a collection of garbage. Lateness in milliseconds, memory in bytes. */
export interface Sample {
  runs: number;
  median: number;
  p99: number;
  rss: number;
  heapUsed: number;
  /** The connection that asks is one of them. */
  sockets: number;
  timers: number;
}
