import assert from 'node:assert/strict';
import { nodeOf } from '../test/support/parts.js';
import { atLeast, atMost, type Bench, type BenchResult } from './harness/bench.js';
import { inChild, inChildOf } from './harness/child.js';
import { mapValues } from './harness/map-values.js';
import { withPostgres } from './harness/postgres.js';
import { withDurableRedis, withRedis } from './harness/redis.js';
import { inTurn, ratio, timed } from './harness/rounds.js';
import { openSchedules, type SchedulesApp } from './schedules/app.js';
import { type Lateness } from './schedules/lateness.js';
import { HANDLER, type Subject } from './schedules/subjects.js';
import { type Throughput } from './schedules/throughput.js';

const MANY = 1_000_000;
const FEW = 10_000;
const MINUTE = 60_000;
/** With this interval a tenth of all is due within a minute. */
const EVERY = 10 * MINUTE;
const CLAIMED = 500;
const ROUNDS = 3;

/** BullMQ is measured twice: on a Redis that keeps nothing, and on one that keeps what it has answered. */
type Measured = Subject | 'bullmqDurable';

/** How many schedules are due at once. pg-boss sends fifty of its own a second at the most. */
const DUE: Readonly<Record<Measured, number>> = {
  ours: 50_000,
  bullmq: 50_000,
  bullmqOutcomes: 50_000,
  bullmqDurable: 50_000,
  pgBoss: 10_000,
  pgBossBatches: 50_000,
  pgBossKeys: 50_000,
  pgBossSchedules: 500,
};
const LABELS: Readonly<Record<Measured, string>> = {
  ours: 'ctrlplane-workers',
  bullmq: 'BullMQ, job schedulers, nothing kept of a run',
  bullmqOutcomes: 'BullMQ, the same with the outcome of each kept',
  bullmqDurable: 'BullMQ, nothing kept, on a Redis that waits for the disk',
  pgBoss: 'pg-boss, jobs that send their next',
  pgBossBatches: 'pg-boss, the same in batches',
  pgBossKeys: 'pg-boss, in batches, one for each key',
  pgBossSchedules: 'pg-boss, its schedules',
};
const SUBJECTS = Object.keys(LABELS) as Measured[];

const LATENESS = new URL('./schedules/lateness.ts', import.meta.url);
const THROUGHPUT = new URL('./schedules/throughput.ts', import.meta.url);

export const schedules: Bench = {
  name: 'schedules',
  summary: `${MANY} stored schedules of which a tenth is due within a minute; throughput beside BullMQ and pg-boss; cost of a claim (10 minutes)`,
  peers: true,
  plotted: ['runs'],
  async run(say) {
    const rates = await throughput(say);
    return await withPostgres((url) => beside(url, rates, say));
  },
};

type Rates = Record<Measured, number[]>;

async function throughput(say: (line: string) => void): Promise<Rates> {
  const measure = async (subject: Subject, url: string, name: Measured = subject): Promise<number> => {
    const count = String(DUE[name]);
    const { perSecond } = await inChildOf<Throughput>(nodeOf(24), THROUGHPUT, subject, url, count);
    say(`${LABELS[name]}: ${Math.round(perSecond)}/s`);
    return perSecond;
  };
  const onPostgres = (subject: Subject) => () => withPostgres((url) => measure(subject, url));
  return inTurn(
    { count: ROUNDS, warmUp: 0 },
    {
      ours: onPostgres('ours'),
      bullmq: () => withRedis(({ url }) => measure('bullmq', url)),
      bullmqOutcomes: () => withRedis(({ url }) => measure('bullmqOutcomes', url)),
      bullmqDurable: () => withDurableRedis(({ url }) => measure('bullmq', url, 'bullmqDurable')),
      pgBoss: onPostgres('pgBoss'),
      pgBossBatches: onPostgres('pgBossBatches'),
      pgBossKeys: onPostgres('pgBossKeys'),
      pgBossSchedules: onPostgres('pgBossSchedules'),
    },
    say,
  );
}

async function beside(url: string, rates: Rates, say: (line: string) => void): Promise<BenchResult> {
  const large = await openSchedules({ url });
  const small = await openSchedules({ url: await otherDatabase(large, url) });
  try {
    const filled = await timed(() => fill(large, MANY, say));
    await fill(small, FEW, say);
    const late = await inChild<Lateness>(LATENESS, url, String(MINUTE / 1_000));
    say(`${late.due} due, p99 ${late.p99} ms, CPU ${Math.round(late.cpu)}%`);
    const expected = (MANY * MINUTE) / EVERY;
    assert.ok(late.due > expected * 0.95, `${late.due} of some ${expected} have run`);
    const claims = await inTurn(
      { count: 9, warmUp: 2 },
      { few: () => claimOnce(small), many: () => claimOnce(large) },
      say,
    );
    const faster = (than: Measured) => atLeast(3, ratio(rates.ours, rates[than]));
    return {
      ratios: {
        'p99 of the lateness, ms': atMost(500, late.p99),
        'runs/s / BullMQ': faster('bullmq'),
        'runs/s / BullMQ with the outcome of each kept': faster('bullmqOutcomes'),
        'runs/s / BullMQ on a Redis that waits for the disk': faster('bullmqDurable'),
        'runs/s / pg-boss, its schedules': faster('pgBossSchedules'),
        'runs/s / pg-boss, jobs that send their next': faster('pgBoss'),
        'runs/s / pg-boss, the same in batches': faster('pgBossBatches'),
        'runs/s / pg-boss, in batches, one for each key': faster('pgBossKeys'),
        [`claim of ${CLAIMED} among ${MANY} / among ${FEW}`]: atMost(1.3, ratio(claims.many, claims.few)),
      },
      measured: {
        'lateness, p50': { unit: 'ms', samples: [late.p50] },
        'lateness, p99': { unit: 'ms', samples: [late.p99] },
        'lateness, longest': { unit: 'ms', samples: [late.longest] },
        'CPU of the process': { unit: '%', samples: [late.cpu] },
        ...Object.fromEntries(
          SUBJECTS.map((name) => [`runs: ${LABELS[name]}`, { unit: '/s' as const, samples: rates[name] }]),
        ),
        'schedules written by upsertMany': { unit: '/s', samples: [(MANY * 1_000) / filled] },
        ...mapValues(
          { [`claim among ${FEW}`]: claims.few, [`claim among ${MANY}`]: claims.many },
          (samples) => ({ unit: 'ms' as const, samples }),
        ),
      },
      notes: [
        `Lateness: ${MANY.toLocaleString('en')} schedules of ${EVERY / MINUTE} minutes, ${late.due.toLocaleString('en')} due within the minute; from the instant that a run is planned for to the first line of its handler, in one process beside its database.`,
        `Throughput: ${DUE.ours.toLocaleString('en')} are due at once, in one process of Node 24, which pg-boss needs; from the first run until each has run, and its next run, an hour later, is stored. Handlers do nothing; 100 at a time. Ours counts the runs of each schedule and keeps how the last one ended, on its row. Of the others pg-boss does, and BullMQ where completed jobs are kept, as it does by itself: they keep the jobs.`,
        'BullMQ: a job scheduler each, jobs removed when they are completed, or kept; on a Redis that keeps nothing on the disk, and on one with `appendfsync always`. Ours and pg-boss on PostgreSQL, where each commit waits for the disk.',
        `pg-boss has schedules of its own by the minute, for a few of each queue: they are sent by fifties once a second at the most, so that ${DUE.pgBossSchedules} are measured. The other two forms are what its users write by hand: a stored job each that sends the next one, with bursts and fetches of 50 (${DUE.pgBoss.toLocaleString('en')} are measured); and the same with fetches of 500 and one insert for the next 500. A job can be found and changed by the key of its schedule where the queue has the policy "short" and jobs a singletonKey, as the last form has.`,
        `Claim: ${CLAIMED} due among schedules that are not, then given back; the tables were vacuumed before.`,
      ],
    };
  } finally {
    await large.close();
    await small.close();
  }
}

/** Another one on the same server. */
async function otherDatabase({ query }: SchedulesApp, url: string): Promise<string> {
  await query('CREATE DATABASE few');
  const other = new URL(url);
  other.pathname = '/few';
  return other.href;
}

async function fill({ schedules, query }: SchedulesApp, count: number, say: (line: string) => void) {
  const inputs = function* () {
    for (let n = 0; n < count; n++)
      yield { handler: HANDLER, key: `user-${n}`, every: EVERY, payload: { user: n } };
  };
  await schedules.upsertMany(inputs(), {
    onProgress: (done) => {
      if (done % 100_000 === 0) say(`${done} of ${count} stored`);
    },
  });
  await query('VACUUM ANALYZE schedules');
}

/** @returns milliseconds */
async function claimOnce({ store, query }: SchedulesApp): Promise<number> {
  const later = `clock_timestamp() + interval '1 h'`;
  await query(`UPDATE schedules SET due_at = ${later} WHERE due_at < ${later} - interval '50 min'`);
  await query(
    `UPDATE schedules SET due_at = clock_timestamp() - interval '1 s', slot_at = clock_timestamp() - interval '1 s'
     WHERE key IN (
       SELECT 'user-' || floor(random() * (SELECT count(*) FROM schedules))::int FROM generate_series(1, ${CLAIMED * 1.2})
     )`,
  );
  await query('VACUUM schedules');
  let found: Awaited<ReturnType<typeof store.claim>> | undefined;
  const ms = await timed(async () => {
    found = await store.claim({
      limits: new Map([[HANDLER, CLAIMED]]),
      horizon: 600,
      lease: 30_000,
      replica: 'bench',
    });
  });
  const { claims } = found!;
  assert.equal(claims.length, CLAIMED);
  const turn = { slot: Date.now() + EVERY, plannedAt: Date.now() + EVERY };
  const settled = await store.settle(
    claims.map((claim) => ({ claim, turn, attempt: 1, claims: 0, missed: 0, turns: 0 })),
  );
  assert.equal(settled.size, CLAIMED);
  return ms;
}
