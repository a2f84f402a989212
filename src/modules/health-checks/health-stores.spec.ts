import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { newId } from '../ids/typed-id.js';
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
    clear: async () => void (await database.dataSource.query('DELETE FROM health_checks')),
  }));
  for (const { name, run } of contract) it(name, run);
  for (const { name, run } of healthHistoryRepositoryContract(() => ({ repository: history }))) it(name, run);
  for (const { name, run } of maintenanceRepositoryContract(
    () => new PostgresMaintenanceRepository(database.transactions),
  ))
    it(name, run);

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
  const contract = healthCheckRepositoryContract(() => ({
    repository,
    makeDue: async (id, from) => {
      const { turns } = repository as unknown as { turns: Map<string, { dueAt: number }> };
      turns.get(id)!.dueAt = Date.now() + from;
    },
    clear: async () => void (repository = new InMemoryHealthCheckRepository()),
  }));
  for (const { name, run } of contract) it(name, run);
  const history = new InMemoryHealthHistoryRepository();
  for (const { name, run } of healthHistoryRepositoryContract(() => ({ repository: history }))) it(name, run);
  const maintenance = new InMemoryMaintenanceRepository();
  for (const { name, run } of maintenanceRepositoryContract(() => maintenance)) it(name, run);
});
