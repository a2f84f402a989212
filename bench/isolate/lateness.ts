import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { Isolation } from '../../dist/core/isolation/isolation.js';
import { report } from '../harness/child.js';
import { type Subject, SUBJECTS } from '../lateness/subjects.js';
import { Watch } from '../lateness/watch.js';
import { WorkersModule } from './workers.module.mjs';

// Arguments: subject, number of workers, seconds, what burns a core beside them, and the cores they have.

/** What workers of a second did beside a worker that loops without an end. */
export interface Lateness {
  /** p99, in milliseconds. */
  lateness: number;
  runs: number;
}

/** `thread` and `process`: an isolated worker. */
export type Beside = 'nobody' | 'thread' | 'process';

/** `all`, which the threads of Node's garbage collector use as well; `one`: what burns has the other. */
export type Cores = 'all' | 'one';

const [, , subject, workers, seconds, beside, cores] = process.argv as [
  string, string, Subject, string, string, Beside, Cores,
]; // prettier-ignore
const watch = new Watch(Number(workers), Number(seconds));
const burning = beside === 'nobody' ? [] : await burn(beside);
if (cores === 'one') {
  for (const thread of threadsOf(process.pid)) if (!burning.includes(thread)) pin(thread, 0);
  for (const thread of burning) pin(thread, 1);
}
await SUBJECTS[subject](watch);
await watch.look();
const { lateness, runs } = watch.found();
report({ lateness, runs } satisfies Lateness);

/** @returns the threads that do it, by the numbers that the system gives them */
async function burn(kind: 'thread' | 'process'): Promise<number[]> {
  const module = new URL('./workers.module.mjs', import.meta.url);
  const app = await NestFactory.createApplicationContext(
    { module: class Burning {}, imports: [WorkersModule, WorkerModule.forRoot({ isolation: { module } })] },
    { logger: ['error', 'warn'] },
  );
  const scheduler = app.get(Scheduler);
  const worker = `${kind}.loops`;
  await scheduler.trigger(worker);
  while (!scheduler.workerByName(worker)!.progress) await wait(50);
  const [pid] = app.get(Isolation).pids;
  return kind === 'process' ? threadsOf(pid!) : [await busiestThread()];
}

function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

/** Of this process, while its main thread waits. Node does not tell the numbers of its threads. */
async function busiestThread(): Promise<number> {
  const before = new Map(threadsOf(process.pid).map((thread) => [thread, ticksOf(thread)]));
  await wait(500);
  const used = [...before].map(([thread, ticks]) => ({ thread, ticks: ticksOf(thread) - ticks }));
  return used.reduce((most, one) => (one.ticks > most.ticks ? one : most)).thread;
}

function ticksOf(thread: number): number {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  // After the name in brackets, which may hold anything; utime is the 14th of all.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11]);
}

function pin(thread: number, core: number): void {
  execFileSync('taskset', ['--cpu-list', '--pid', String(core), String(thread)]);
}
