import 'reflect-metadata';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { type Subject, SUBJECTS } from './subjects.js';

/** The time in which slots count, milliseconds since the epoch. */
export interface Window {
  from: number;
  to: number;
}

/** What one process has run. */
export interface Ran {
  /** Worker, slot, and by how many milliseconds it began after that. */
  runs: [worker: number, slot: number, lateness: number][];
  /** Processor time of the process, milliseconds. */
  cpu: number;
}

/** For those that are late. */
const AFTER = 3_000;

const now = (): number => Date.now();

const [, , name, url, index, workers] = process.argv;
const all: Ran['runs'] = [];
await SUBJECTS[name as Subject]({
  url: url!,
  index: Number(index),
  workers: Number(workers),
  ran: (worker, slot) => all.push([worker, slot, now() - slot]),
});
process.send!('joined');
const [{ from, to }] = (await once(process, 'message')) as [Window];
await wait(from - now());
const before = process.cpuUsage();
await wait(to - now());
const { user, system } = process.cpuUsage(before);
await wait(AFTER);
const runs = all.filter(([, slot]) => slot >= from && slot < to);
process.send!({ runs, cpu: (user + system) / 1_000 } satisfies Ran);
