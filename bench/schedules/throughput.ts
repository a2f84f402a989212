import { report } from '../harness/child.js';
import { type Subject, SUBJECTS } from './subjects.js';

/** What one process has done of the schedules that were due, from its first run on. */
export interface Throughput {
  perSecond: number;
}

const [, , name, url, count] = process.argv;
const seen = new Map<string, number>();
let start = 0;
const { run, end } = await SUBJECTS[name as Subject]({
  url: url!,
  count: Number(count),
  ran: (key) => {
    start ||= performance.now();
    seen.set(key, (seen.get(key) ?? 0) + 1);
  },
});
await run();
const seconds = (performance.now() - start) / 1_000;
await end();
for (const [key, times] of seen) if (times !== 1) throw new Error(`${key} was run ${times} times`);
if (seen.size !== Number(count)) throw new Error(`${seen.size} of ${count} were run`);
report({ perSecond: Number(count) / seconds } satisfies Throughput);
