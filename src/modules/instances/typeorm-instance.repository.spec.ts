import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { instanceRepositoryContract } from './instance.repository.contract.js';
import { TypeOrmInstanceRepository } from './typeorm-instance.repository.js';

describe('TypeOrmInstanceRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = instanceRepositoryContract(() => new TypeOrmInstanceRepository(database.transactions));
  for (const { name, run } of contract) it(name, run);
});
