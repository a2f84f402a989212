import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { TypeOrmDatacenterRepository } from '../datacenters/typeorm-datacenter.repository.js';
import { newId } from '../ids/typed-id.js';
import { TypeOrmInstanceRepository } from '../instances/typeorm-instance.repository.js';
import { bootstrapRepositoryContract } from './bootstrap.repository.contract.js';
import { PostgresBootstrapRepository } from './postgres-bootstrap.repository.js';

describe('PostgresBootstrapRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = bootstrapRepositoryContract(() => {
    const { transactions } = database;
    return {
      repository: new PostgresBootstrapRepository(transactions, new TypeOrmInstanceRepository(transactions)),
      datacenter: () =>
        new TypeOrmDatacenterRepository(transactions).insert(newId('tenant'), {
          id: newId('datacenter'),
          name: 'fra1',
          status: 'active',
        }),
      transaction: (fn) => transactions.run(fn),
    };
  });
  for (const { name, run } of contract) it(name, run);
});
