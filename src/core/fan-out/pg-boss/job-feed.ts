import { setImmediate } from 'node:timers';
import { sleep } from '../../timing/timer.js';

/** How long a feed waits for jobs when it has found none, and after a call that failed. Milliseconds. */
const LOOK_EVERY = 500;
/** Most jobs that one call fetches. */
const MOST_AT_ONCE = 200;

/** What a feed calls. */
export interface JobSource<Job> {
  /** Makes jobs active, and gives them. */
  fetch(most: number): Promise<Job[]>;
  /** Handles a job to its end. Never rejects. */
  handle(job: Job): Promise<void>;
  reached(error: unknown): void;
}

/**
 * Keeps a number of jobs active: it fetches as many as have room, as soon as there is room for some. `work` of pg-boss handles
 * the next batch only when the slowest job of the last one has ended.
 */
export class JobFeed<Job> {
  private readonly active = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private wake: () => void = () => {};
  private readonly ended: Promise<void>;

  constructor(
    private readonly source: JobSource<Job>,
    private readonly concurrency: number,
  ) {
    this.ended = this.run();
  }

  /** There may be new jobs. */
  nudge(): void {
    this.wake();
  }

  /** Fetches no more; resolves when all active jobs are handled. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.ended;
    await Promise.all(this.active);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const room = this.concurrency - this.active.size;
      // Not for each single one: a call for several costs as much.
      if (room < Math.max(1, this.concurrency / 2)) await this.handled();
      else if ((await this.fetch(Math.min(room, MOST_AT_ONCE))) === 0) await this.pause();
    }
  }

  private async fetch(most: number): Promise<number> {
    try {
      const jobs = await this.source.fetch(most);
      this.source.reached(undefined);
      for (const job of jobs) {
        const handled = this.source.handle(job).finally(() => {
          this.active.delete(handled);
          this.wake();
        });
        this.active.add(handled);
      }
      return jobs.length;
    } catch (error) {
      this.source.reached(error);
      return 0;
    }
  }

  /** Resolves when the next job is handled, and those that end in the same turn of the event loop, or the feed is woken. */
  private async handled(): Promise<void> {
    await new Promise<void>((resolve) => (this.wake = resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  private async pause(): Promise<void> {
    const woken = new AbortController();
    this.wake = () => woken.abort();
    if (this.stopping.signal.aborted) return;
    await sleep(LOOK_EVERY, woken.signal, true).catch(() => {});
  }
}
