import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { DatabaseModule } from '../schema/database.module.js';
import { brakeRepositoryContract, type BrakeRepositorySetup } from './brake.repository.contract.js';
import { TypeOrmBrakeRepository } from './typeorm-brake.repository.js';

describe('TypeOrmBrakeRepository', () => {
  let app: TestingModule;
  let drop: () => Promise<void>;
  let setup: BrakeRepositorySetup;

  beforeAll(async () => {
    const database = await createControlPlaneDatabase();
    drop = database.drop;
    app = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.url })],
      providers: [TypeOrmBrakeRepository],
    }).compile();
    const { addInstance, removeInstance, addWorkload } = new InstanceRows(app.get(DataSource));
    setup = { repository: app.get(TypeOrmBrakeRepository), addInstance, removeInstance, addWorkload };
  });
  afterAll(async () => {
    await app.close();
    await drop();
  });

  for (const { name, run } of brakeRepositoryContract(() => setup)) it(name, run);
});
