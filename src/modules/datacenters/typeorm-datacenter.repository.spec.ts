import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { datacenterRepositoryContract } from './datacenter.repository.contract.js';
import { TypeOrmDatacenterRepository } from './typeorm-datacenter.repository.js';

describe('TypeOrmDatacenterRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = datacenterRepositoryContract(() => new TypeOrmDatacenterRepository(database.transactions));
  for (const { name, run } of contract) it(name, run);
});
