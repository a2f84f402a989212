import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { workloadRepositoryContract } from './workload.repository.contract.js';
import { TypeOrmWorkloadRepository } from './typeorm-workload.repository.js';

describe('TypeOrmWorkloadRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = workloadRepositoryContract(() => ({
    repository: new TypeOrmWorkloadRepository(database.transactions),
    transaction: (fn) => database.transactions.run(fn),
  }));
  for (const { name, run } of contract) it(name, run);
});
