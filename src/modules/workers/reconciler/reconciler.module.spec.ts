import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { Transactions } from '../../database/transaction.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { DriftRepository } from './drift.repository.js';
import { InstanceDriftWorker } from './instance-drift.worker.js';
import { PostgresDriftRepository } from './postgres-drift.repository.js';
import { ReconcilerModule } from './reconciler.module.js';
import { Reconciler } from './reconciler.worker.js';

const SETTINGS = Symbol('SETTINGS');
@Module({ providers: [{ provide: SETTINGS, useValue: { every: '7m' } }], exports: [SETTINGS] })
class SettingsModule {}

class OwnDriftRepository extends PostgresDriftRepository {}

describe('ReconcilerModule', () => {
  let database: { url: string; drop(): Promise<void> };
  beforeEach(async () => {
    database = await createControlPlaneDatabase();
  });
  afterEach(() => database.drop());

  const start = async (module: ReturnType<typeof ReconcilerModule.forRoot>) => {
    const app = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url }), WorkerModule.forRoot(), module],
    }).compile();
    await app.init();
    return app;
  };

  it('takes its options from a factory, for both of its workers', async () => {
    const app = await start(
      ReconcilerModule.forRootAsync({
        imports: [SettingsModule],
        inject: [SETTINGS],
        useFactory: ({ every }: { every: '7m' }) => ({ interval: every, dryRun: true }),
        store: OwnDriftRepository,
      }),
    );
    for (const worker of [Reconciler, InstanceDriftWorker])
      expect(app.get<Reconciler | InstanceDriftWorker>(worker, { strict: false }).settings).toMatchObject({
        interval: 420_000,
        concurrency: 8,
        dryRun: true,
      });
    expect(app.get(DriftRepository, { strict: false })).toBeInstanceOf(OwnDriftRepository);
    await app.close();
  });

  it('keeps what it needs on Postgres, or in the store that it is given', async () => {
    const plain = await start(ReconcilerModule.forRoot());
    expect(plain.get(DriftRepository, { strict: false })).toBeInstanceOf(PostgresDriftRepository);
    const made = new OwnDriftRepository(plain.get(Transactions, { strict: false }));
    const given = await start(ReconcilerModule.forRoot({ store: made }));
    expect(given.get(DriftRepository, { strict: false })).toBe(made);
    await given.close();
    await plain.close();
  });

  it('names every option that cannot be', async () => {
    const wrong = ReconcilerModule.forRoot({
      interval: 'soon' as never,
      concurrency: 0,
      orphanGracePeriod: '-1s' as never,
    });
    await expect(start(wrong)).rejects.toThrow(/interval[^]*concurrency[^]*orphanGracePeriod/);
  });
});
