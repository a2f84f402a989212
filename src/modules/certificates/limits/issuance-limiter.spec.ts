import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../../test/support/control-plane-database.js';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { InMemoryIssuanceLimiter } from './in-memory-issuance-limiter.js';
import { issuanceLimiterContract } from './issuance-limiter.contract.js';
import { bucketsOfFailure, bucketsOfOrder, LETS_ENCRYPT_LIMITS } from './issuance-limits.js';
import { PostgresIssuanceLimiter } from './postgres-issuance-limiter.js';

describe('PostgresIssuanceLimiter', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = issuanceLimiterContract(() => ({
    limiter: new PostgresIssuanceLimiter(database.transactions),
    pass: (ms) => wait(ms),
  }));
  for (const { name, run } of contract) it(name, run);
});

describe('InMemoryIssuanceLimiter', () => {
  const clock = new ManualClock();
  const limiter = new InMemoryIssuanceLimiter(clock);
  const contract = issuanceLimiterContract(() => ({ limiter, pass: (ms) => clock.advance(ms) }));
  for (const { name, run } of contract) it(name, run);
});

describe('the buckets of an order', () => {
  it('are those of the account, of each registered domain, of the set of names, and of each name’s failures', () => {
    const names = ['*.example.co.uk', 'a.example.co.uk', 'b.example.org'];
    const uses = bucketsOfOrder('le', names, LETS_ENCRYPT_LIMITS);
    expect(uses.map(({ key, take }) => `${key.replace(/names\/.*/, 'names')} ${take}`)).toEqual([
      'le/orders true',
      'le/domain/example.co.uk true',
      'le/domain/example.org true',
      'le/names true',
      'le/failures/example.co.uk false',
      'le/failures/a.example.co.uk false',
      'le/failures/b.example.org false',
    ]);
    expect(bucketsOfFailure('le', ['b.example.org'], LETS_ENCRYPT_LIMITS)).toMatchObject([
      { key: 'le/failures/b.example.org', take: true },
    ]);
    expect(bucketsOfOrder('le', names, { renewalsExempt: false })).toEqual([]);
  });

  it('have names that an index can hold, also for a hundred long names', () => {
    const names = Array.from({ length: 100 }, (_, n) => `${'a'.repeat(60)}.${n}.example.org`);
    for (const { key } of bucketsOfOrder('le', names, LETS_ENCRYPT_LIMITS))
      expect(key.length).toBeLessThan(300);
  });
});
