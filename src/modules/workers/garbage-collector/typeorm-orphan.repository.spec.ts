import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../../test/support/instance-rows.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { orphanRepositoryContract, type OrphanRepositorySetup } from './orphan.repository.contract.js';
import { TypeOrmOrphanRepository } from './typeorm-orphan.repository.js';

describe('TypeOrmOrphanRepository', () => {
  let app: TestingModule;
  let drop: () => Promise<void>;
  let setup: OrphanRepositorySetup;

  beforeAll(async () => {
    const database = await createControlPlaneDatabase();
    drop = database.drop;
    app = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url })],
      providers: [TypeOrmOrphanRepository],
    }).compile();
    setup = { repository: app.get(TypeOrmOrphanRepository), ...new InstanceRows(app.get(DataSource)) };
  });
  afterAll(async () => {
    await app.close();
    await drop();
  });

  for (const { name, run } of orphanRepositoryContract(() => setup)) it(name, run);
});
