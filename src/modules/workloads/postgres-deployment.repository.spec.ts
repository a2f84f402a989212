import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { deploymentRepositoryContract } from './deployment.repository.contract.js';
import { PostgresDeploymentRepository } from './postgres-deployment.repository.js';

describe('PostgresDeploymentRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = deploymentRepositoryContract(
    () => new PostgresDeploymentRepository(database.transactions),
  );
  for (const { name, run } of contract) it(name, run);
});
