import assert from 'node:assert/strict';
import { type DataSource } from 'typeorm';
import { newId } from '../dist/modules/ids/typed-id.js';
import { Transactions } from '../dist/modules/database/transaction.js';
import { parseHealthCheck } from '../dist/modules/health-checks/health-check-input.js';
import { PostgresHealthCheckRepository } from '../dist/modules/health-checks/postgres-health-check.repository.js';
import { PostgresHealthHistoryRepository } from '../dist/modules/health-checks/postgres-health-history.repository.js';
import { OutcomeWriter } from '../dist/modules/workers/health-runner/outcome-writer.js';
import { Positions } from '../dist/modules/workers/health-runner/turn.js';
import { nextState } from '../dist/modules/health-checks/check-state.js';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { migrate } from '../dist/modules/schema/migrate.js';
import { atLeast, type Bench } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio } from './harness/rounds.js';

const CHECKS = 10_000;
const BATCH = 1_000;

export const healthStore: Bench = {
  name: 'health-store',
  summary:
    'results and states of checks that go on as they were, stored per second, beside a bare UNNEST of the results',
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

async function measure(dataSource: DataSource, say: (line: string) => void) {
  const transactions = new Transactions(dataSource);
  const checks = new PostgresHealthCheckRepository(transactions);
  const history = new PostgresHealthHistoryRepository(dataSource);
  await history.maintain();
  const settings = parseHealthCheck(
    { name: 'x', probe: { type: 'http', url: 'https://example.com' } },
    { hasInstance: false, checkers: [] },
  );
  const tenantId = newId('tenant');
  const check = await checks.insert(tenantId, { ...settings, id: newId('healthCheck') });
  // Its copies: each of them healthy.
  const ids = Array.from({ length: CHECKS }, () => newId('healthCheck'));
  await dataSource.query(
    `INSERT INTO health_checks SELECT (jsonb_populate_record(c, jsonb_build_object('id', i, 'name', i))).*
     FROM health_checks c, unnest($1::text[]) i WHERE c.id = $2`,
    [ids, check.id],
  );
  await dataSource.query(
    `INSERT INTO health_check_turns SELECT (jsonb_populate_record(t, jsonb_build_object('check_id', i))).*
     FROM health_check_turns t, unnest($1::text[]) i WHERE t.check_id = $2`,
    [ids, check.id],
  );
  const byId = new Map((await checks.findAllAcrossTenants(ids)).map((found) => [found.id, found]));
  const writer = history.writer();
  const outcomes = new OutcomeWriter({
    checks,
    history: writer,
    events: { publish: async () => undefined } as never,
    transaction: (work) => transactions.run(work),
    onRestart: () => undefined,
  });
  let round = 0;
  const columns = [
    'text',
    'timestamptz',
    'timestamptz',
    'smallint',
    'boolean',
    'real',
    'real',
    'real',
    'real',
    'real',
    'real',
    'text',
  ];
  const arrays = columns.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
  const perSecond = async (work: () => Promise<void>): Promise<number> => {
    const start = performance.now();
    await work();
    return (CHECKS * 1_000) / (performance.now() - start);
  };
  const result = (checkId: (typeof ids)[number], dueAt: Date) => {
    const phases = { lookup: 0.1, connect: 1.2, firstByte: 3.4, body: 0.1 };
    const outcome = 'success' as const;
    return {
      checkId,
      dueAt,
      startedAt: dueAt,
      outcome,
      duration: 5,
      phases,
      maintenance: false,
      message: 'Answered 200',
    };
  };
  const store = async (): Promise<void> => {
    const base = Date.now() - ++round;
    for (let start = 0; start < CHECKS; start += BATCH) {
      for (const id of ids.slice(start, start + BATCH)) {
        const dueAt = new Date(base);
        const lease = new Date(base + 10_000);
        const turn = {
          checkId: id,
          dueAt,
          lease,
          interval: 10_000,
          revision: 1,
          version: 0,
          state: undefined,
        };
        const check = byId.get(id)!;
        const armed = { turn, check, position: positions.of(turn, check) };
        const { state, transition } = nextState(armed.position.state, 'success', base, armed.check);
        const changed = state === armed.position.state ? undefined : state;
        outcomes.add({ armed, result: result(id, dueAt), state: changed, transition });
      }
      await outcomes.flush();
      await writer.flush();
    }
  };
  const positions = new Positions();
  await store();
  const took = await inTurn(
    { count: 7, warmUp: 2 },
    {
      bare: () =>
        perSecond(async () => {
          const base = new Date(Date.now() - 1_800_000 - ++round);
          for (let start = 0; start < CHECKS; start += BATCH) {
            const rows = ids.slice(start, start + BATCH);
            const fill = <T>(value: T): T[] => rows.map(() => value);
            const at = base.toISOString();
            const values = [
              rows,
              fill(at),
              fill(at),
              fill(0),
              fill(false),
              fill(5),
              fill(0.1),
              fill(1.2),
              fill(null),
              fill(3.4),
              fill(0.1),
              fill('Answered 200'),
            ];
            await dataSource.query(`INSERT INTO health_results SELECT * FROM unnest(${arrays})`, values);
          }
        }),
      store: () => perSecond(store),
    },
    say,
  );
  const [{ count }] = await dataSource.query<[{ count: number }]>('SELECT count(*)::int FROM health_results');
  assert.equal(count, CHECKS * 19);
  assert.equal(writer.counts().lost + outcomes.lost, 0);
  await writer.close();
  return {
    ratios: { 'result and state / bare UNNEST': atLeast(0.8, ratio(took.store, took.bare)) },
    measured: {
      'bare UNNEST of the results': { unit: '/s' as const, samples: took.bare },
      'result and state': { unit: '/s' as const, samples: took.store },
    },
    notes: [
      `Each sample: ${CHECKS.toLocaleString('en')} checks in batches of ${BATCH}, into the table of results with its index and partitions; fsync on.`,
      'A steady state: every check is as it was, so its turn, which the claim has moved, is all that is written of it.',
    ],
  };
}
