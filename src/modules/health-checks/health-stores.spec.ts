import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { newId } from '../ids/typed-id.js';
import { parseHealthCheck } from './health-check-input.js';
import { healthCheckRepositoryContract } from './health-check.repository.contract.js';
import { healthHistoryRepositoryContract } from './health-history.repository.contract.js';
import { InMemoryHealthCheckRepository } from './in-memory/in-memory-health-check.repository.js';
import { InMemoryHealthHistoryRepository } from './in-memory/in-memory-health-history.repository.js';
import { InMemoryMaintenanceRepository } from './in-memory/in-memory-maintenance.repository.js';
import { maintenanceRepositoryContract } from './maintenance.repository.contract.js';
import { PostgresHealthCheckRepository } from './postgres-health-check.repository.js';
import { PostgresHealthHistoryRepository } from './postgres-health-history.repository.js';
import { PostgresMaintenanceRepository } from './postgres-maintenance.repository.js';

describe('health checks on PostgreSQL', () => {
  let database: ControlPlaneDatabase;
  let history: PostgresHealthHistoryRepository;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    history = new PostgresHealthHistoryRepository(database.dataSource);
    await history.maintain();
  });
  afterAll(() => database.close());

  const contract = healthCheckRepositoryContract(() => ({
    repository: new PostgresHealthCheckRepository(database.transactions),
    makeDue: async (id, from) => {
      await database.dataSource.query(
        `UPDATE health_check_turns SET due_at = clock_timestamp() + $2 * interval '1 ms' WHERE check_id = $1`,
        [id, from],
      );
    },
    clear: async () =>
      void (await database.dataSource.query('DELETE FROM health_checks; DELETE FROM health_runners')),
  }));
  for (const { name, run } of contract) it(name, run);
  for (const { name, run } of healthHistoryRepositoryContract(() => ({ repository: history }))) it(name, run);
  for (const { name, run } of maintenanceRepositoryContract(
    () => new PostgresMaintenanceRepository(database.transactions),
  ))
    it(name, run);

  it('does not run again what a dead replica has brought to a result', async () => {
    const checks = new PostgresHealthCheckRepository(database.transactions);
    const settings = parseHealthCheck(
      { name: 'x', interval: '1m', probe: { type: 'http', url: 'https://example.com' } },
      { hasInstance: false, checkers: [] },
    );
    const ids = [newId('healthCheck'), newId('healthCheck')];
    for (const id of ids) await checks.insert(newId('tenant'), { ...settings, id });
    await database.dataSource.query(
      'UPDATE health_check_turns SET due_at = clock_timestamp() WHERE check_id = ANY ($1)',
      [ids],
    );
    await checks.beatAcrossTenants({ replica: 'dead', silence: '1m' });
    const { turns } = await checks.claimAcrossTenants({ limit: 100, horizon: 0, replica: 'dead' });
    const { checkId, dueAt } = turns.find((turn) => turn.checkId === ids[0])!;
    const writer = history.writer();
    const found = { outcome: 'success', message: '', duration: 1, maintenance: false } as const;
    writer.add([{ ...found, checkId, dueAt, startedAt: dueAt }]);
    await writer.close();
    await checks.beatAcrossTenants({ replica: 'living', silence: '1m' });
    await database.dataSource.query(
      `UPDATE health_runners SET beat_at = beat_at - interval '2 minutes' WHERE replica = 'dead'`,
    );
    const beat = await checks.beatAcrossTenants({ replica: 'living', silence: '1m' });
    expect(beat).toEqual({ known: true, takenOver: 1 });
    const again = await checks.claimAcrossTenants({ limit: 100, horizon: '1s', replica: 'living' });
    expect(again.turns.map((turn) => turn.checkId)).toEqual([ids[1]]);
    await database.dataSource.query('DELETE FROM health_checks');
  });

  it('rolls minutes up to hours, and counts each once', async () => {
    const id = newId('healthCheck');
    const hours = 48;
    await database.dataSource.query('TRUNCATE health_minutes, health_hours, health_results');
    await database.dataSource.query(
      `INSERT INTO health_minutes
       SELECT $1, date_trunc('minute', clock_timestamp()) - n * interval '10 minutes', 9, 0, 1, 0, 0, '{50,60}', '{9,1}'
       FROM generate_series(1, $2::int * 6 - 12) n`,
      [id, hours],
    );
    for (let n = 0; n < 4; n++) await history.maintain();
    const [{ count }] = await database.dataSource.query<[{ count: number }]>(
      'SELECT count(*)::int FROM health_hours',
    );
    expect(count).toBeGreaterThan(hours - 5);
    const counts = await history.counts(id, 7 * 24 * 3_600_000);
    expect([counts.success, counts.failure]).toEqual([9 * (hours * 6 - 12), hours * 6 - 12]);
    expect(counts.latency).toEqual(
      new Map([
        [50, 9 * (hours * 6 - 12)],
        [60, hours * 6 - 12],
      ]),
    );
  });
});

describe('health checks in memory', () => {
  let repository = new InMemoryHealthCheckRepository();
  const contract = healthCheckRepositoryContract(
    () => ({
      repository,
      makeDue: async (id, from) => {
        const { turns } = repository as unknown as { turns: Map<string, { dueAt: number }> };
        turns.get(id)!.dueAt = Date.now() + from;
      },
      clear: async () => void (repository = new InMemoryHealthCheckRepository()),
    }),
    { shared: false },
  );
  for (const { name, run } of contract) it(name, run);
  const history = new InMemoryHealthHistoryRepository();
  for (const { name, run } of healthHistoryRepositoryContract(() => ({ repository: history }))) it(name, run);
  const maintenance = new InMemoryMaintenanceRepository();
  for (const { name, run } of maintenanceRepositoryContract(() => maintenance)) it(name, run);
});
