import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { nodeOf } from '../test/support/parts.js';
import { type Ran, type Window } from './cluster/member.js';
import { type Subject } from './cluster/subjects.js';
import { atMost, type Bench, type Measured } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { parentOf, processorTime } from './harness/processor-time.js';
import { redisClient, withRedis } from './harness/redis.js';
import { inTurn, quantile, ratio } from './harness/rounds.js';

const PROCESSES = 3;
const WORKERS = 300;
const SECONDS = 60;
const ROUNDS = 3;
/** For connections, compilers and caches. */
const WARM_UP = 5_000;
const MEMBER = fileURLToPath(new URL('./cluster/member.ts', import.meta.url));

/** Where the processes meet. */
interface Server {
  readonly url: string;
  /** Processor time until now, milliseconds. */
  cpu(): number;
  /** Transactions of Postgres, commands of Redis, until now. */
  calls(): Promise<number>;
}

interface Found {
  p50: number;
  p99: number;
  /** Of the slots that came, in percent. */
  leftOut: number;
  twice: number;
  callsPerSecond: number;
  /** Percent of one core. */
  cpuOfProcesses: number;
  cpuOfServer: number;
}

const LABELS: Record<Subject, string> = {
  ours: 'ctrlplane-workers',
  pgBoss: 'pg-boss',
  pgBossBatches: 'pg-boss, in batches',
  bullmq: 'BullMQ',
};
const NAMES = Object.keys(LABELS) as Subject[];

export const cluster: Bench = {
  name: 'cluster',
  summary: `${PROCESSES} processes, ${WORKERS} workers of one second for ${SECONDS} s, beside pg-boss and BullMQ (15 minutes)`,
  peers: true,
  plotted: ['slot to start, p99', 'calls of the server', 'CPU of the processes', 'CPU of the server'],
  async run(say) {
    const found = await inTurn<Subject, Found>(
      { count: ROUNDS, warmUp: 0 },
      {
        ours: () => onPostgres((server) => measure('ours', server, process.execPath)),
        pgBoss: () => onPostgres((server) => measure('pgBoss', server, nodeOf(24))),
        pgBossBatches: () => onPostgres((server) => measure('pgBossBatches', server, nodeOf(24))),
        bullmq: () => onRedis((server) => measure('bullmq', server, process.execPath)),
      },
      say,
    );
    for (const name of NAMES)
      for (const { twice } of found[name]) assert.equal(twice, 0, `${name} ran slots twice`);
    const all = (name: Subject, figure: keyof Found) => found[name].map((round) => round[figure]);
    const rows = (title: string, unit: Measured['unit'], figure: keyof Found) =>
      Object.fromEntries(
        NAMES.map((name) => [`${title}: ${LABELS[name]}`, { unit, samples: all(name, figure) }]),
      );
    const best = (...names: Subject[]) =>
      found.ours.map((_, round) => Math.min(...names.map((name) => found[name][round]!.p99)));
    const beside = (...names: Subject[]) => atMost(0.5, ratio(all('ours', 'p99'), best(...names)));
    return {
      ratios: {
        'p99 / the better of pg-boss and BullMQ': beside('pgBoss', 'bullmq'),
        'p99 / pg-boss in batches': beside('pgBossBatches'),
      },
      measured: {
        ...rows('left out', '%', 'leftOut'),
        ...rows('slot to start, p50', 'ms', 'p50'),
        ...rows('slot to start, p99', 'ms', 'p99'),
        ...rows('calls of the server', '/s', 'callsPerSecond'),
        ...rows('CPU of the processes', '%', 'cpuOfProcesses'),
        ...rows('CPU of the server', '%', 'cpuOfServer'),
      },
      notes: [
        'Ours and pg-boss on PostgreSQL that waits for the disk, BullMQ on a Redis that keeps nothing on it.',
        'pg-boss: every process sends every slot, with a singletonKey; LISTEN and NOTIFY are on. It needs Node 22 or newer and has 24.',
        'In batches: what comes within 20 ms goes into one insert. Nobody is told to do so; it is what it can do at best.',
        'BullMQ: upsertJobScheduler, one per worker. Its workers have the phases in which they were made, the others are spread over the second.',
        'Calls: transactions of PostgreSQL, commands of Redis. CPU is of one core.',
        'Ours keeps the record of every run in the database as well.',
      ],
    };
  },
};

function onPostgres<T>(work: (server: Server) => Promise<T>): Promise<T> {
  return withPostgres(async (url) => {
    const client = new pg.Client(url);
    await client.connect();
    const number = async (query: string): Promise<number> =>
      Number(Object.values((await client.query<Record<string, string>>(query)).rows[0]!)[0]);
    try {
      const postmaster = parentOf(await number('SELECT pg_backend_pid()'));
      return await work({
        url,
        cpu: () => processorTime(postmaster),
        calls: () =>
          number(
            'SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()',
          ),
      });
    } finally {
      await client.end();
    }
  });
}

function onRedis<T>(work: (server: Server) => Promise<T>): Promise<T> {
  return withRedis(async ({ url, pid }) => {
    const redis = await redisClient(url);
    try {
      return await work({
        url,
        cpu: () => processorTime(pid),
        calls: async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))![1]),
      });
    } finally {
      redis.disconnect();
    }
  });
}

async function measure(subject: Subject, server: Server, execPath: string): Promise<Found> {
  const members: ChildProcess[] = [];
  try {
    for (let i = 0; i < PROCESSES; i++)
      members.push(
        fork(MEMBER, [subject, server.url, String(i), String(WORKERS)], {
          execPath,
          execArgv: ['--import', 'tsx'],
        }),
      );
    await Promise.all(members.map((member) => messageOf<'joined'>(member)));
    const from = Math.ceil(Date.now() + WARM_UP);
    const window: Window = { from, to: from + SECONDS * 1_000 };
    const ended = Promise.all(members.map((member) => messageOf<Ran>(member)));
    for (const member of members) member.send(window);
    const [cpu, calls] = await duringWindow(server, window, ended);
    const ran = await ended;
    const runs = ran.flatMap((member) => member.runs);
    const lateness = Float64Array.from(runs, ([, , late]) => late);
    const slots = new Set(runs.map(([worker, slot]) => `${worker}@${slot}`)).size;
    const seconds = SECONDS * 10;
    return {
      p50: quantile(lateness, 0.5),
      p99: quantile(lateness, 0.99),
      leftOut: 100 * (1 - slots / (WORKERS * SECONDS)),
      twice: runs.length - slots,
      callsPerSecond: calls / SECONDS,
      cpuOfProcesses: ran.reduce((sum, member) => sum + member.cpu, 0) / seconds,
      cpuOfServer: cpu / seconds,
    };
  } finally {
    for (const member of members) member.kill('SIGKILL');
  }
}

async function duringWindow(
  server: Server,
  { from, to }: Window,
  ended: Promise<unknown>,
): Promise<[cpu: number, calls: number]> {
  const at = (instant: number) =>
    Promise.race([new Promise((resolve) => setTimeout(resolve, instant - Date.now())), ended]);
  await at(from);
  const [cpu, calls] = [server.cpu(), await server.calls()];
  await at(to);
  return [server.cpu() - cpu, (await server.calls()) - calls];
}

async function messageOf<T>(member: ChildProcess): Promise<T> {
  const [message] = await Promise.race([
    once(member, 'message') as Promise<[T]>,
    once(member, 'exit').then(([code]): never => {
      throw new Error(`a process ended with ${code}`);
    }),
  ]);
  return message;
}
