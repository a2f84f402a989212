import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobFeed } from './job-feed.js';

const CONCURRENCY = 4;

const turns = async () => {
  for (let n = 0; n < 5; n++) await turn();
};

describe('JobFeed', () => {
  /** Jobs at work, and those whose results are stored, by what ends that. */
  let working: Map<number, () => void>;
  let storing: Map<number, () => void>;
  let fetched: number[];
  let waiting: number;
  let feed: JobFeed<number>;

  beforeEach(() => {
    working = new Map();
    storing = new Map();
    fetched = [];
    waiting = 100;
    let next = 0;
    feed = new JobFeed<number>(
      {
        fetch: async (most) => {
          const count = Math.min(most, waiting);
          waiting -= count;
          fetched.push(count);
          return Array.from({ length: count }, () => next++);
        },
        handle: async (job, performed) => {
          await new Promise<void>((resolve) => working.set(job, resolve));
          working.delete(job);
          performed();
          await new Promise<void>((resolve) => storing.set(job, resolve));
          storing.delete(job);
        },
        reached: () => {},
      },
      CONCURRENCY,
    );
  });
  afterEach(async () => {
    const stopped = feed.stop();
    while (working.size + storing.size > 0) {
      endAll(working);
      endAll(storing);
      await turns();
    }
    await stopped;
  });

  const endAll = (jobs: Map<number, () => void>): void => {
    for (const end of [...jobs.values()]) end();
  };

  it('has as many jobs at work as it may', async () => {
    await turns();
    expect(working.size).toBe(CONCURRENCY);
  });

  it('fetches the next ones while the results of those before are stored', async () => {
    await turns();
    endAll(working);
    await turns();
    expect([working.size, storing.size]).toEqual([CONCURRENCY, CONCURRENCY]);
  });

  it('fetches no more when the results of as many wait', async () => {
    for (let n = 0; n < 3; n++) {
      await turns();
      endAll(working);
    }
    await turns();
    expect([working.size, storing.size]).toEqual([0, 2 * CONCURRENCY]);
    endAll(storing);
    await turns();
    expect([working.size, storing.size]).toEqual([CONCURRENCY, 0]);
  });

  it('fetches several at a time, and not one for each that ends', async () => {
    await turns();
    [...working.values()][0]!();
    await turns();
    expect(fetched).toEqual([CONCURRENCY]);
    [...working.values()][0]!();
    await turns();
    expect(fetched).toEqual([CONCURRENCY, 2]);
  });

  it('ends when all results are stored', async () => {
    await turns();
    let ended = false;
    const stopped = feed.stop().then(() => (ended = true));
    endAll(working);
    await turns();
    expect(ended).toBe(false);
    endAll(storing);
    await stopped;
    expect(fetched).toEqual([CONCURRENCY]);
  });
});
