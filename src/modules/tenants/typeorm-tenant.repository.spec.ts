import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { tenantRepositoryContract } from './tenant.repository.contract.js';
import { TypeOrmTenantRepository } from './typeorm-tenant.repository.js';

describe('TypeOrmTenantRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = tenantRepositoryContract(() => ({
    repository: new TypeOrmTenantRepository(database.transactions),
    transaction: (fn) => database.transactions.run(fn),
  }));
  for (const { name, run } of contract) it(name, run);
});
