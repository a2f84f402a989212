import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { SimulatedCa } from '../../certificates/issuers/simulated-ca/simulated-ca.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { type TenantId } from '../../ids/typed-id.js';
import { DomainPreflight } from '../../network/domain-preflight.js';
import { DomainStore } from '../../network/domain.store.js';
import { NetworkModule } from '../../network/network.module.js';
import { NetworkService } from '../../network/network.service.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { TenantsModule } from '../../tenants/tenants.module.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { CertRenewerModule } from './cert-renewer.module.js';

const REPLICAS = 3;
const DOMAINS = 8;

/** Without coordination: nothing but the rows keeps them from ordering the same. */
describe('replicas that renew at the same time, over one PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof createControlPlaneDatabase>>;
  const replicas: INestApplicationContext[] = [];
  const ca = new SimulatedCa({ name: 'ca', lifetime: '90d' });
  let tenantId: TenantId;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const encryptionKeys = KeyRing.generate('test');
    for (let n = 0; n < REPLICAS; n++) {
      const testing = await Test.createTestingModule({
        imports: [
          DatabaseModule.forRoot({ url: database.url }),
          WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
          TenantsModule,
          NetworkModule.forRoot(),
          CertRenewerModule.forRoot({ encryptionKeys, issuers: [ca], interval: 0 }),
        ],
      })
        // The names are in no DNS.
        .overrideProvider(DomainPreflight)
        .useValue({ check: async () => undefined })
        .compile();
      replicas.push(await testing.createNestApplication({ logger: false }).init());
    }
    const tenants = replicas[0]!.get(TenantsService, { strict: false });
    ({ id: tenantId } = await asSystem(() => tenants.create({ name: 'shop' })));
    await asSystem(async () => {
      const network = replicas[0]!.get(NetworkService);
      const domains = replicas[0]!.get(DomainStore, { strict: false });
      for (let n = 0; n < DOMAINS; n++) {
        const { id } = await network.addDomain(tenantId, { hostname: `d${n}.example.test` });
        await domains.markVerified(tenantId, id);
        await network.provisionCert(tenantId, id);
      }
    });
  }, 180_000);
  afterAll(async () => {
    for (const replica of replicas) await replica.close();
    await database?.drop();
  });

  const ordersOf = () => {
    const counts = new Map<string, number>();
    for (const { names } of ca.orders) counts.set(names[0]!, (counts.get(names[0]!) ?? 0) + 1);
    return counts;
  };
  const allTick = () =>
    Promise.all(
      replicas.map(async (replica) => {
        const { ended } = await replica.get(Scheduler).trigger('cert_renewer');
        expect(await ended).toMatchObject({ outcome: 'succeeded' });
      }),
    );

  it('order no domain twice, at the first time and at each renewal, and tell of each once', async () => {
    for (let round = 1; round <= 3; round++) {
      await allTick();
      const counts = ordersOf();
      expect(counts.size).toBe(DOMAINS);
      expect(new Set(counts.values())).toEqual(new Set([round]));
      await replicas[0]!.get(DataSource).query(
        `UPDATE certificates SET due_at = clock_timestamp(), not_before = now() - interval '80 days',
             not_after = now() + interval '10 days'`,
      );
    }
    const source = replicas[0]!.get(DataSource);
    const told = await source.query<{ type: string; count: number }[]>(
      `SELECT type, count(*)::int FROM events WHERE type IN ('cert.issued', 'cert.renewed', 'cert.backoff')
       GROUP BY type ORDER BY type`,
    );
    expect(told).toEqual([
      { type: 'cert.issued', count: DOMAINS },
      { type: 'cert.renewed', count: 2 * DOMAINS },
    ]);
  }, 180_000);
});
