import 'reflect-metadata';
import { report } from '../harness/child.js';
import { type Subject, SUBJECTS } from './subjects.js';
import { Watch } from './watch.js';

/** What a subject did in a process of its own. */
export interface Found {
  runs: number;
  /** p99, in milliseconds, against the instants at which the runs were due. */
  lateness: number;
  /** p99, in milliseconds, against a second after the run before. */
  sinceLast: number;
  cpuPercent: number;
  /** Bytes per worker on the heap: when all are started, and when the runs are over. */
  started: number;
  ran: number;
}

const [, , name, workers, seconds] = process.argv;
const watch = new Watch(Number(workers), Number(seconds));
const before = heapUsed();
await SUBJECTS[name as Subject](watch);
const started = (heapUsed() - before) / watch.workers;
const { cpuPercent } = await watch.look();
const ran = (heapUsed() - before) / watch.workers;
report({ ...watch.found(), cpuPercent, started, ran } satisfies Found);

function heapUsed(): number {
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}
