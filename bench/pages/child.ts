import { Scheduler } from 'ctrlplane-workers';
import { report } from '../harness/child.js';
import { aboutWorker, endpoint, startPageApp } from '../harness/page-app.js';
import { type Sample, TICKING, WORKERS } from './size.js';

const lateness: number[] = [];

/**
 * What the wall clock has before the monotonic one, in milliseconds, at the moment at which the wall clock steps: its whole milliseconds
 * are as coarse as the lateness of a tick. Found anew each second, between the ticks, as the two clocks part.
 */
let ahead = 0;
function compareClocks(): void {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  ahead = now - performance.now();
}
compareClocks();
setInterval(compareClocks, 1_000).unref();

/** How late runs began since the last sample, and what the process holds. */
function sample(): Sample {
  global.gc!();
  const sorted = Float64Array.from(lateness.splice(0)).toSorted();
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  const { rss, heapUsed } = process.memoryUsage();
  return {
    runs: sorted.length,
    median: at(0.5),
    p99: at(0.99),
    rss,
    heapUsed,
    sockets: process.getActiveResourcesInfo().filter((name) => /Socket|TCP/.test(name)).length,
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

const app = await startPageApp({}, [endpoint('sample', sample)]);
const scheduler = app.get(Scheduler);
for (let n = 0; n < WORKERS; n++)
  scheduler.register({
    ...aboutWorker(n),
    interval: n < TICKING ? '1s' : '1h',
    // A history would grow until it is full, which is no leak of the pages.
    record: 'failures',
    run: ({ scheduledAt }) => void lateness.push(performance.now() + ahead - scheduledAt.getTime()),
  });
report({ url: await app.getUrl() });
