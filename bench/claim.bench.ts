import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { postgres } from 'ctrlplane-workers/postgres';
import { atMost, type Bench } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio, timed } from './harness/rounds.js';

/** Claimed one after the other, each in a commit of its own. */
const WORKERS = 300;
const LEASE = 60_000;
const REPLICA = randomUUID();
const names = Array.from({ length: WORKERS }, (_, i) => `worker-${i}`);

export const claim: Bench = {
  name: 'claim',
  summary: 'what it costs to be the one that runs a slot, beside one bare UPDATE … RETURNING',
  run: (say) =>
    withPostgres(async (url) => {
      const pool = new pg.Pool({ connectionString: url, max: 1 });
      try {
        return await measure(pool, say);
      } finally {
        await pool.end();
      }
    }),
};

async function measure(pool: pg.Pool, say: (line: string) => void) {
  const coordinator = postgres({ pool });
  await coordinator.open();
  const { time } = await coordinator.records();
  const start = Math.floor(time) - 1_000_000;
  const timing = '{"every":"1s","spacing":"slot"}';
  const { records } = await coordinator.enroll(names.map((name) => ({ name, timing, slot: start })));
  assert.equal(records.length, WORKERS);
  await pool.query(
    'CREATE TABLE bare (name text PRIMARY KEY, n bigint NOT NULL, holder uuid, until timestamptz) WITH (fillfactor = 50)',
  );
  await pool.query('INSERT INTO bare SELECT unnest($1::text[]), 0', [names]);

  let [round, bareRound] = [0, 0];
  let runs: string[] = [];
  const claimOf = (name: string, i: number) => ({
    worker: name,
    runId: runs[i]!,
    replica: REPLICA,
    fencing: round,
    from: start + round * 1_000,
    target: { slot: start + (round + 1) * 1_000 },
    missed: 0,
    skipped: 0,
    lease: LEASE,
    maxAttempts: 3,
  });
  const claimAll = () =>
    each(async (name, i) => assert.ok((await coordinator.claim(claimOf(name, i))).granted, name));
  const loseAll = () =>
    each(async (name) => {
      const answer = await coordinator.claim({ ...claimOf(name, 0), runId: randomUUID() });
      assert.ok(!answer.granted);
    });
  const releaseAll = () =>
    each(async (name, i) => {
      const now = new Date();
      const { record } = await coordinator.release({
        worker: name,
        runId: runs[i]!,
        fencing: round + 1,
        kind: 'done',
        run: {
          id: runs[i]!,
          worker: name,
          replica: REPLICA,
          trigger: 'schedule',
          attempt: 1,
          scheduledAt: now,
          startedAt: now,
          endedAt: now,
          outcome: 'succeeded',
        },
        leased: true,
        retry: false,
        delay: 0,
        tell: false,
      });
      assert.equal(record?.done, true);
    });
  const updateAll = () =>
    each(async (name) => {
      const { rowCount } = await pool.query(
        `UPDATE bare SET n = n + 1, holder = $3, until = clock_timestamp() + interval '1 minute'
         WHERE name = $1 AND n = $2 RETURNING *`,
        [name, bareRound, REPLICA],
      );
      assert.equal(rowCount, 1);
    });
  const perStatement = (ms: number): number => (ms * 1_000) / WORKERS;

  const took = await inTurn(
    { count: 15, warmUp: 3 },
    {
      bare: async () => {
        const ms = await timed(updateAll);
        bareRound++;
        return perStatement(ms);
      },
      claim: async () => {
        runs = names.map(() => randomUUID());
        return perStatement(await timed(claimAll));
      },
      loser: async () => perStatement(await timed(loseAll)),
      release: async () => {
        const ms = await timed(releaseAll);
        round++;
        return perStatement(ms);
      },
    },
    say,
  );
  return {
    ratios: {
      'claim / bare UPDATE': atMost(1.3, ratio(took.claim, took.bare)),
    },
    measured: {
      'bare UPDATE … RETURNING': { unit: 'µs' as const, samples: took.bare },
      'claim that is granted': { unit: 'µs' as const, samples: took.claim },
      'claim that is refused': { unit: 'µs' as const, samples: took.loser },
      'release with its outcome': { unit: 'µs' as const, samples: took.release },
    },
    notes: [
      `Each sample: ${WORKERS} workers, one after the other over one connection of pg; every statement but a refused claim is a commit that waits for the disk.`,
      'The bare UPDATE is a compare-and-set on a row of four columns, by primary key.',
      'A short run costs one claim and one release; each replica that was not the first, one refused claim.',
    ],
  };
}

async function each(work: (name: string, index: number) => Promise<void>): Promise<void> {
  for (const [index, name] of names.entries()) await work(name, index);
}
