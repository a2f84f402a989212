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
  /**
   * Handles a job to its end. Never rejects.
   * @param performed to be called when its work is done, and is yet to be stored: it leaves its place to another one
   */
  handle(job: Job, performed: () => void): Promise<void>;
  reached(error: unknown): void;
}

/** Jobs in hand, for each of the concurrency: one at work, and one whose result is stored. */
const MOST_IN_HAND = 2;

/**
 * Keeps a number of jobs at work: it fetches as many as have room, as soon as there is room for some, while the results of those
 * before are stored. `work` of pg-boss handles the next batch only when the slowest job of the last one has ended.
 */
export class JobFeed<Job> {
  private readonly inHand = new Set<Promise<void>>();
  private working = 0;
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

  /** Fetches no more; resolves when all jobs in hand are handled. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.ended;
    await Promise.all(this.inHand);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const { concurrency, working, inHand } = this;
      const room = Math.min(concurrency - working, MOST_IN_HAND * concurrency - inHand.size);
      // Not for each single one: a call for several costs as much.
      if (room < Math.max(1, concurrency / 2)) await this.handled();
      else if ((await this.fetch(Math.min(room, MOST_AT_ONCE))) === 0) await this.pause();
    }
  }

  private async fetch(most: number): Promise<number> {
    try {
      const jobs = await this.source.fetch(most);
      this.source.reached(undefined);
      for (const job of jobs) this.handle(job);
      return jobs.length;
    } catch (error) {
      this.source.reached(error);
      return 0;
    }
  }

  private handle(job: Job): void {
    this.working++;
    let works = true;
    const performed = (): void => {
      if (!works) return;
      works = false;
      this.working--;
      this.wake();
    };
    const handled = this.source.handle(job, performed).finally(() => {
      performed();
      this.inHand.delete(handled);
      this.wake();
    });
    this.inHand.add(handled);
  }

  /** Resolves when the next job is performed or handled, and those that end in the same turn of the event loop, or the feed is woken. */
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
