import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type DataSource } from 'typeorm';
import { startPostgres15 } from '../../../test/support/debian-postgres.js';
import { describeWith } from '../../../test/support/needs.js';
import { query } from '../../../test/support/query.js';
import { TimePartitions } from '../database/time-partitions.js';
import { Transactions } from '../database/transaction.js';
import { connect, dataSourceOptions } from '../schema/data-source.js';
import { migrate } from '../schema/migrate.js';
import { PostgresTelemetryStore } from './postgres-telemetry.store.js';
import { telemetryStoreContract } from './telemetry.store.contract.js';

const HOUR = 3_600_000;

describeWith('PostgreSQL 15', 'PostgresTelemetryStore on PostgreSQL 15', () => {
  let dataSource: DataSource;
  let store: PostgresTelemetryStore;
  let url: string;
  let stop: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    ({ url, stop } = await startPostgres15());
    await migrate(url);
    dataSource = await connect(dataSourceOptions({ url }));
    store = new PostgresTelemetryStore(dataSource, new Transactions(dataSource), {
      limits: { activeSeries: 5 },
    });
    await store.onModuleInit();
  });
  afterAll(async () => {
    await store?.onApplicationShutdown();
    await dataSource?.destroy();
    await stop?.();
    Logger.overrideLogger(['error', 'warn', 'log']);
  });

  it('is what it says', async () => {
    const [row] = await query<{ server_version: string }>(url, 'SHOW server_version');
    expect(row!.server_version).toMatch(/^15\./);
  });

  for (const { name, run } of telemetryStoreContract(() => ({ store }))) it(name, run);

  it('makes and drops partitions', async () => {
    const partitions = new TimePartitions(dataSource, { table: 'metric_samples', width: '1h', keep: '2h' });
    await partitions.makeFor(new Date(Date.now() - HOUR), new Date());
    const kept = new TimePartitions(dataSource, { table: 'metric_samples', width: '1h', keep: 0 });
    expect((await kept.maintain()).dropped.length).toBeGreaterThan(0);
  });
});
