import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { SystemClock } from '../../src/core/timing/clock.js';
import { Transactions } from '../../src/modules/database/transaction.js';
import { connect, dataSourceOptions } from '../../src/modules/schema/data-source.js';
import { migrate } from '../../src/modules/schema/migrate.js';
import { PostgresScheduleStore } from '../../src/modules/schedules/postgres-schedule.store.js';
import { ScheduleChanges } from '../../src/modules/schedules/schedule-changes.js';
import { Schedules } from '../../src/modules/schedules/schedules.service.js';
import { AppProcess } from '../support/app-process.js';
import { eventually } from '../support/eventually.js';
import {
  findScheduleViolations,
  installScheduleAudit,
  type ScheduleTally,
  scheduleTally,
} from './schedule-audit.js';

/** Milliseconds until all that was due has run after the last kill, on a machine that is busy. */
const PATIENCE = 240_000;

export interface ScheduleKillOptions {
  /** Of an empty database that is its alone. */
  url: string;
  /** Where the built package is. */
  checkout: string;
  stored: number;
  /** Interval of each schedule, milliseconds. */
  every: number;
  replicas: number;
  /** How long replicas are killed, and how long after each other, milliseconds. */
  duration: number;
  pause: number;
  /** Milliseconds. */
  lease: number;
  /** 0 to 1, as `Math.random`. */
  random?: () => number;
  progress?: (line: string) => void;
}

/** What was seen. */
export interface ScheduleKills extends ScheduleTally {
  kills: number;
  violations: string[];
}

/** Replicas that run stored schedules, of which one after the other is killed and started anew. Each due time is accounted for. */
export async function killSchedulers(options: ScheduleKillOptions): Promise<ScheduleKills> {
  const { url, duration, pause, random = Math.random, progress = () => undefined } = options;
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => undefined);
  const now = async (): Promise<Date> =>
    (await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now')).rows[0]!.now;
  const all: AppProcess[] = [];
  const start = (): AppProcess => {
    const replica = new AppProcess({
      command: [process.execPath, 'test/apps/scheduled-effects.mjs'],
      cwd: options.checkout,
      env: { PATH: process.env.PATH, NO_COLOR: '1', URL: url, LEASE: `${options.lease}ms` },
    });
    all.push(replica);
    return replica;
  };
  try {
    await store(options, progress);
    await installScheduleAudit(pool);
    const replicas = Array.from({ length: options.replicas }, start);
    await Promise.all(replicas.map((replica) => replica.said(/^ready$/m)));
    const from = await now();
    const end = performance.now() + duration;
    let kills = 0;
    while (performance.now() + pause <= end) {
      await pass(pause);
      const victim = Math.floor(random() * replicas.length);
      replicas[victim]!.kill('SIGKILL');
      const { signal } = await replicas[victim]!.exit;
      if (signal !== 'SIGKILL') throw new Error(`A replica ended by itself:\n${replicas[victim]!.output}`);
      progress(`${++kills} kills`);
      replicas[victim] = start();
    }
    await pass(end - performance.now());
    const until = await now();
    const open = `SELECT count(*)::int AS left FROM schedules WHERE slot_at <= $1`;
    const left = async (): Promise<number> =>
      (await pool.query<{ left: number }>(open, [until])).rows[0]!.left;
    // What never runs is found below.
    await eventually(async () => (await left()) === 0, PATIENCE).catch(() => undefined);
    for (const replica of replicas) replica.kill('SIGTERM');
    await Promise.all(replicas.map((replica) => replica.exit));
    const tally = await scheduleTally(pool, from, until);
    return { ...tally, kills, violations: await findScheduleViolations(pool, until) };
  } finally {
    for (const replica of all) await replica.destroy();
    await pool.end();
  }
}

/** As an application does: by `upsertMany`. */
async function store(
  { url, stored, every }: ScheduleKillOptions,
  progress: (line: string) => void,
): Promise<void> {
  const dataSource = await connect(dataSourceOptions({ url, tables: 'schedules' }));
  try {
    await migrate(dataSource);
    const schedules = new Schedules(
      new PostgresScheduleStore(new Transactions(dataSource)),
      new ScheduleChanges(),
      new SystemClock(),
    );
    const inputs = function* () {
      for (let n = 0; n < stored; n++) yield { handler: 'job', key: `key ${n}`, every };
    };
    await schedules.upsertMany(inputs(), {
      onProgress: (done) => {
        if (done % 100_000 === 0) progress(`${done} stored`);
      },
    });
  } finally {
    await dataSource.destroy();
  }
}
