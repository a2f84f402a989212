import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { domainStoreContract } from './domain.store.contract.js';
import { InMemoryDomainStore } from './in-memory-domain.store.js';
import { routeStoreContract } from './route.store.contract.js';
import { TypeOrmDomainStore } from './typeorm-domain.store.js';
import { TypeOrmRouteStore } from './typeorm-route.store.js';

describe('the stores of domains and routes', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  describe('TypeOrmDomainStore', () => {
    for (const { name, run } of domainStoreContract(() => new TypeOrmDomainStore(database.transactions)))
      it(name, run);
  });

  describe('TypeOrmRouteStore', () => {
    for (const { name, run } of routeStoreContract(() => new TypeOrmRouteStore(database.transactions)))
      it(name, run);
  });

  describe('InMemoryDomainStore', () => {
    const store = new InMemoryDomainStore();
    for (const { name, run } of domainStoreContract(() => store)) it(name, run);
  });
});
