import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { asSystem } from '../../../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../../../test/support/control-plane-database.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { InMemoryProvider } from '../../../../../test/support/in-memory-provider.js';
import { WorkerModule } from '../../../../core/worker.module.js';
import { Transactions } from '../../../database/transaction.js';
import { type InstanceId, newId } from '../../../ids/typed-id.js';
import { ProviderStores } from '../../../providers/provider-stores.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { DatabaseModule } from '../../../schema/database.module.js';
import { StoreOrphans } from '../../../store-orphans/store-orphans.js';
import { GarbageCollectorModule } from '../garbage-collector.module.js';
import { garbagePassContract, passContext } from './garbage-pass.contract.js';
import { StoreOrphansPass } from './store-orphans.pass.js';

describe('the pass over what a store holds without a row', () => {
  let app: TestingModule;
  let database: { url: string; drop(): Promise<void> };

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ run: false }),
        GarbageCollectorModule.forRoot(),
      ],
    })
      .setLogger(false as never)
      .compile();
    await app.init();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const find = <T>(type: abstract new (...args: never[]) => T): T =>
    app.get<T>(type as never, { strict: false });

  for (const { name, run } of garbagePassContract(() => {
    const provider = new InMemoryProvider();
    const registry = new ProviderRegistry();
    registry.register('memory', provider);
    const pass = new StoreOrphansPass(
      registry,
      new ProviderStores(registry),
      find(StoreOrphans),
      find(Transactions),
    );
    const rows = new GarbageRows(app.get(DataSource));
    const tenantId = newId('tenant');
    const hold = async (instanceId: InstanceId, labels = {}): Promise<InstanceId> => {
      await provider.provision({ instanceId, tenantId, name: 'web', spec: { command: ['sleep'] }, labels });
      return instanceId;
    };
    // By the clock of the process: what was without a row on the pass before may go at once.
    const limits = { gracePeriod: 0 };
    return {
      pass,
      limits,
      addGarbage: async (count) => {
        const gone: InstanceId[] = [];
        for (let n = 0; n < count; n++) {
          const id = newId('instance');
          await rows.recordDeletion(id, tenantId);
          gone.push(await hold(id));
        }
        // What a pass sees for the first time stays.
        await pass.run(passContext({ limits }));
        return gone;
      },
      addKept: async () => [
        await hold(await rows.addInstance({ tenantId, age: 7_200_000 })),
        await hold(await rows.addInstance({ tenantId, age: 0 })),
      ],
      present: async (ids) => ids.filter((id) => provider.running.has(id as InstanceId)),
    };
  }))
    it(name, () => asSystem(run));
});
