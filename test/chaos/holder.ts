import { setTimeout as pass } from 'node:timers/promises';
import type pg from 'pg';
import { eventually } from '../support/eventually.js';
import { findViolations } from './audit.js';
import { findOverlaps } from './overlaps.js';
import { type Note, readJournal, type Replica } from './replica.js';
import { type ClusterOptions, Replicas } from './replicas.js';
import { nameOfWorkerDueIn } from './soon.js';

/** So long that no second slot comes. */
const INTERVAL = 600_000;
/** In which three replicas are ready. */
const START = 12_000;
const PATIENCE = 90_000;

type Where = Pick<ClusterOptions, 'url' | 'checkout' | 'directory'>;

/** A run as the history tells it. */
export interface Told {
  replica: string;
  attempt: number;
  outcome: string;
  error?: string;
}

/** What became of one job. */
export interface JobSeen {
  notes: Note[];
  history: Told[];
  /** Of the effects that were kept. */
  effects: { attempt: number; token: number }[];
  violations: string[];
}

/** A job that takes longer than any of its first two holders lives: the one is killed, the other drained. */
export async function killAndDrainHolders(
  where: Where,
  { takes, every, lease }: { takes: number; every: number; lease: number },
): Promise<JobSeen> {
  return withJob(where, { takes, writes: true }, { lease, replicas: 3 }, async (replicas, holderOf) => {
    const first = await holderOf(1);
    await pass(every);
    await replicas.kill(first);
    const second = await holderOf(2);
    await pass(every);
    await replicas.drain(second);
    await holderOf(3);
    await ended(replicas, 3);
  });
}

/** The holder of a job sleeps for longer than its lease, and wakes up when another one has done it. */
export async function stopHolder(where: Where, { lease }: { lease: number }): Promise<JobSeen> {
  const job = { takes: 2 * lease, writes: true, deaf: true };
  return withJob(where, job, { lease, replicas: 2 }, async (replicas, holderOf) => {
    const holder = await holderOf(1);
    holder.pause();
    await holderOf(2);
    await ended(replicas, 2);
    holder.resume();
    await ended(replicas, 1);
  });
}

async function ended(replicas: Replicas, attempt: number): Promise<Note> {
  const { name } = replicas.workers[0]!;
  return eventually(
    () => replicas.notesOf(name).find((note) => note.what === 'end' && note.attempt === attempt),
    PATIENCE,
  );
}

async function withJob(
  where: Where,
  job: { takes: number; writes: boolean; deaf?: boolean },
  { lease, replicas: count }: { lease: number; replicas: number },
  act: (replicas: Replicas, holderOf: (attempt: number) => Promise<Replica>) => Promise<void>,
): Promise<JobSeen> {
  const name = nameOfWorkerDueIn(START, INTERVAL);
  const replicas = await Replicas.prepare({
    ...where,
    workers: [{ name, interval: INTERVAL, ...job }],
    module: { lease, drain: { timeout: 500, abortGrace: 1_000 } },
  });
  try {
    await Promise.all(Array.from({ length: count }, () => replicas.start()));
    const started = (replica: Replica, attempt: number) =>
      readJournal(replica.options.journal).some((note) => note.what === 'start' && note.attempt === attempt);
    const holderOf = (attempt: number) =>
      eventually(() => [...replicas.running].find((replica) => started(replica, attempt)), PATIENCE);
    await act(replicas, holderOf);
    await replicas.drainAll();
    return {
      notes: replicas.notesOf(name),
      history: await historyOf(replicas.pool, name),
      effects: (
        await replicas.pool.query<{ attempt: number; token: number }>(
          'SELECT attempt, token::int FROM chaos.effects WHERE worker = $1 ORDER BY id',
          [name],
        )
      ).rows,
      violations: [
        ...(await findViolations(replicas.pool)),
        // Who sleeps is not on: it cannot know, and the guard of its writes is for that.
        ...(job.deaf ? [] : findOverlaps(replicas.notes()).map((overlap) => JSON.stringify(overlap))),
      ],
    };
  } finally {
    await replicas.destroy();
  }
}

async function historyOf(pool: pg.Pool, worker: string): Promise<Told[]> {
  const { rows } = await pool.query<Told>(
    `SELECT replica, attempt, outcome, error ->> 'name' AS error FROM workers.runs WHERE worker = $1
     ORDER BY attempt`,
    [worker],
  );
  return rows;
}
