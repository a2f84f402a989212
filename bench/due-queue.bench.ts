import assert from 'node:assert/strict';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { DueQueue } from '../dist/modules/database/due-queue.js';
import { Transactions } from '../dist/modules/database/transaction.js';
import { atLeast, type Bench } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, median, ratio } from './harness/rounds.js';

const ROWS = 20_000;
const BATCH = 1_000;
const REPLICAS = 3;
const GOAL = 25_000;

export const dueQueue: Bench = {
  name: 'due-queue',
  summary: 'rows claimed and settled per second, beside one bare UPDATE … SKIP LOCKED of each',
  run: (say) => withPostgres((url) => measure(url, say)),
};

async function measure(url: string, say: (line: string) => void) {
  const dataSource = await new DataSource({ type: 'postgres', url, poolSize: REPLICAS }).initialize();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    for (const table of ['queue', 'bare']) {
      await pool.query(`
        CREATE TABLE ${table} (id text COLLATE "C" PRIMARY KEY, due_at timestamptz(3) NOT NULL, every int NOT NULL);
        CREATE INDEX ON ${table} (due_at);
        INSERT INTO ${table} SELECT 'chk_' || md5(n::text), clock_timestamp(), 10000 FROM generate_series(1, ${ROWS}) n;
        ANALYZE ${table}`);
    }
    const queue = new DueQueue<{ every: number }>(new Transactions(dataSource), {
      table: 'queue',
      lease: `clock_timestamp() + interval '1 minute'`,
      select: { every: 'q.every' },
    });
    /** All rows once, in batches. @returns the keys */
    const drain = async (): Promise<string[]> => {
      const seen: string[] = [];
      for (;;) {
        const { claims } = await queue.claim({ limit: BATCH });
        if (claims.length === 0) return seen;
        const settled = await queue.settle(
          claims.map(({ key, lease, every }) => ({ key, lease, dueAt: new Date(lease.getTime() + every) })),
        );
        assert.equal(settled.size, claims.length);
        for (const { key } of claims) seen.push(key);
      }
    };
    const makeDue = async (table: string): Promise<void> => {
      await pool.query(`UPDATE ${table} SET due_at = clock_timestamp() - random() * interval '10 s'`);
      await pool.query(`VACUUM ${table}`);
    };
    const perSecond = async (work: () => Promise<void>): Promise<number> => {
      const start = performance.now();
      await work();
      return (ROWS * 1_000) / (performance.now() - start);
    };

    const took = await inTurn(
      { count: 7, warmUp: 2 },
      {
        bare: async () => {
          await makeDue('bare');
          return perSecond(async () => {
            for (let left = ROWS; left > 0; left -= BATCH) {
              const { rowCount } = await pool.query(
                `UPDATE bare SET due_at = clock_timestamp() + interval '1 minute' WHERE id IN (
                   SELECT id FROM bare WHERE due_at <= statement_timestamp() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
                 ) RETURNING id, due_at`,
                [BATCH],
              );
              assert.equal(rowCount, BATCH);
            }
          });
        },
        queue: async () => {
          await makeDue('queue');
          return perSecond(async () => assert.equal(new Set(await drain()).size, ROWS));
        },
        // As for what runs every few seconds: the lease is the next turn, and there is nothing to settle.
        turn: async () => {
          await makeDue('queue');
          return perSecond(async () => {
            for (let left = ROWS; left > 0; left -= BATCH)
              assert.equal((await queue.claim({ limit: BATCH })).claims.length, BATCH);
          });
        },
        replicas: async () => {
          await makeDue('queue');
          return perSecond(async () => {
            const seen = (await Promise.all(Array.from({ length: REPLICAS }, drain))).flat();
            assert.equal(seen.length, ROWS, 'claimed twice');
            assert.equal(new Set(seen).size, ROWS);
          });
        },
      },
      say,
    );
    return {
      ratios: {
        'claim and settle, rows/s': atLeast(GOAL, median(took.queue)),
        'claim and settle / bare UPDATE … SKIP LOCKED': atLeast(0.5, ratio(took.queue, took.bare)),
      },
      measured: {
        'bare UPDATE … SKIP LOCKED': { unit: '/s' as const, samples: took.bare },
        'claim and settle': { unit: '/s' as const, samples: took.queue },
        'claim, whose lease is the next turn': { unit: '/s' as const, samples: took.turn },
        'claim and settle, 3 replicas': { unit: '/s' as const, samples: took.replicas },
      },
      notes: [
        `Each sample: ${ROWS.toLocaleString('en')} rows in batches of ${BATCH}, one connection after the other but for the replicas, which have three; fsync on.`,
        'The bare UPDATE changes each row once, claim and settle change it twice. Checked: no row was claimed twice.',
      ],
    };
  } finally {
    await pool.end();
    await dataSource.destroy();
  }
}
