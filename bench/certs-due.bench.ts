import { type DataSource } from 'typeorm';
import { PostgresCertificateStore } from '../dist/modules/certificates/postgres-certificate.store.js';
import { Transactions } from '../dist/modules/database/transaction.js';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { atMost, type Bench, type BenchResult } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, median, ratio, timed } from './harness/rounds.js';

const SIZES = [10_000, 100_000, 1_000_000];
/** The size that is held against the bare SELECT. */
const COMPARED = 100_000;
const DUE = 50;
const TENANT = 'ten_01h455vb4pex5vsknk084sn02q';

/**
 * What a tick asks to find 50 certificates due, beside one bare SELECT that finds the same. What it then does for each,
 * as for any that is due, is measured as well: it takes a claim, and says when to look again.
 */
export const certsDue: Bench = {
  name: 'certs-due',
  summary: `finding ${DUE} certificates that are due among 10,000 to 1,000,000, beside one bare indexed SELECT`,
  run: (say) =>
    withPostgres(async (url) => {
      await migrate(url);
      const dataSource = await connect(dataSourceOptions({ url }));
      try {
        return await measure(dataSource, say);
      } finally {
        await dataSource.destroy();
      }
    }),
};

async function measure(dataSource: DataSource, say: (line: string) => void): Promise<BenchResult> {
  const store = new PostgresCertificateStore(new Transactions(dataSource));
  const makeDue = () =>
    dataSource.query(
      `UPDATE certificates SET due_at = clock_timestamp() - interval '1 second' WHERE id <= 'cert_' || lpad($1, 26, '0')`,
      [String(DUE)],
    );
  const found = (count: number) => {
    if (count !== DUE) throw new Error(`${count} instead of ${DUE} were due`);
  };
  const measured: BenchResult['measured'] = {};
  const rows = measured as Record<string, { unit: 'ms'; samples: number[] }>;
  let size = 0;
  const ticks: Record<number, number[]> = {};
  const ratios: Record<number, number> = {};
  for (const wanted of SIZES) {
    say(`making ${wanted} certificates`);
    await fill(dataSource, size + 1, wanted);
    size = wanted;
    const took = await inTurn(
      { count: 15, warmUp: 5 },
      {
        select: async () => {
          await makeDue();
          let count = 0;
          const ms = await timed(async () => {
            const due: unknown[] = await dataSource.query(
              'SELECT * FROM certificates WHERE due_at <= now() ORDER BY due_at LIMIT 200',
            );
            count = due.length;
          });
          found(count);
          return ms;
        },
        tick: async () => {
          await makeDue();
          let count = 0;
          const ms = await timed(async () => {
            count = (await store.dueAcrossTenants(200)).length;
          });
          found(count);
          return ms;
        },
      },
      () => undefined,
    );
    rows[`tick's look among ${wanted.toLocaleString('en-US')}`] = { unit: 'ms', samples: took.tick };
    rows[`bare SELECT among ${wanted.toLocaleString('en-US')}`] = { unit: 'ms', samples: took.select };
    ticks[wanted] = took.tick;
    ratios[wanted] = ratio(took.tick, took.select);
    if (wanted === COMPARED)
      rows[`all ${DUE} claimed and settled, one after another`] = await claims(store, makeDue);
  }
  return {
    ratios: {
      'tick / bare SELECT, 100,000 certificates': atMost(1.5, ratios[COMPARED]!),
      'tick among 1,000,000 / among 10,000': atMost(1.5, median(ticks[1_000_000]!) / median(ticks[10_000]!)),
    },
    measured,
    notes: [
      `${DUE} were due each time, and each found exactly these, or there would be no figures.`,
      'A tick takes nothing when it looks. Claims and settlements are durable: a commit each, beside an order at a CA.',
    ],
  };
}

/** What it does for each of them besides the work, before and after. Apart from the rest, as it writes. */
async function claims(store: PostgresCertificateStore, makeDue: () => Promise<unknown>) {
  const took = await inTurn(
    { count: 5, warmUp: 1 },
    {
      claims: async () => {
        await makeDue();
        const due = await store.dueAcrossTenants(200);
        return timed(async () => {
          for (const certificate of due) {
            const claim = (await store.claim(certificate, 300_000))!;
            await store.settle(claim, { renewal: claim.certificate.renewal, dueIn: 86_400_000 });
          }
        });
      },
    },
    () => undefined,
  );
  return { unit: 'ms' as const, samples: took.claims };
}

async function fill(dataSource: DataSource, from: number, to: number): Promise<void> {
  await dataSource.query(
    `INSERT INTO certificates (id, tenant_id, domain_id, names, key_type, stage, renewal, due_at, created_at)
     SELECT 'cert_' || lpad(n::text, 26, '0'), $1, 'dom_' || lpad(n::text, 26, '0'),
       ARRAY['host-' || n || '.bench.test'], 'ec-p256', 'valid',
       '{"stage":"valid","failures":0,"issuerTurn":0,"told":[]}',
       clock_timestamp() + interval '1 day' + n * interval '1 second', clock_timestamp()
     FROM generate_series($2::int, $3::int) AS n`,
    [TENANT, from, to],
  );
  await dataSource.query('VACUUM ANALYZE certificates');
  // Or what filling has left to write would be written while something is measured.
  await dataSource.query('CHECKPOINT');
}
