import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { certificateStoreContract } from './certificate.store.contract.js';
import { InMemoryCertificateStore } from './in-memory-certificate.store.js';
import { PostgresCertificateStore } from './postgres-certificate.store.js';

describe('PostgresCertificateStore', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = certificateStoreContract(() => ({
    store: new PostgresCertificateStore(database.transactions),
    pass: (ms) => wait(ms),
  }));
  for (const { name, run } of contract) it(name, run);
});

describe('InMemoryCertificateStore', () => {
  const clock = new ManualClock();
  const store = new InMemoryCertificateStore(clock);
  const contract = certificateStoreContract(() => ({ store, pass: (ms) => clock.advance(ms) }));
  for (const { name, run } of contract) it(name, run);
});
