import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { withClaims } from '../auth/claims.js';
import { CertificateStore } from '../certificates/certificate.store.js';
import { DnsLookup } from '../dns/dns-lookup.js';
import { DnsUnavailableError } from '../dns/dns.errors.js';
import { EventBus } from '../events/event-bus.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { DatabaseModule } from '../schema/database.module.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { TenantsService } from '../tenants/tenants.service.js';
import {
  DomainNotVerifiedError,
  DomainTakenError,
  RouteTakenError,
  UnknownDomainError,
  UnknownRouteError,
} from './network.errors.js';
import { NetworkModule } from './network.module.js';
import { NetworkService } from './network.service.js';

/** A DNS whose records a test sets. */
class FakeDns extends DnsLookup {
  readonly texts = new Map<string, string[]>();
  readonly cnames = new Map<string, string>();
  away = false;

  override async txt(name: string): Promise<string[]> {
    if (this.away) throw new DnsUnavailableError(name, 'ESERVFAIL');
    return this.texts.get(name) ?? [];
  }
  override async cname(name: string): Promise<string | undefined> {
    return this.cnames.get(name);
  }
}

describe('NetworkService', () => {
  let app: TestingModule;
  let database: Awaited<ReturnType<typeof createControlPlaneDatabase>>;
  let network: NetworkService;
  let tenants: TenantsService;
  const dns = new FakeDns();

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        TenantsModule,
        NetworkModule.forRoot({ pointsTo: { hostnames: ['edge.example.net'] } }),
      ],
    })
      .overrideProvider(DnsLookup)
      .useValue(dns)
      .compile();
    await app.init();
    network = app.get(NetworkService);
    tenants = app.get(TenantsService, { strict: false });
  });
  afterAll(async () => {
    await app?.close();
    await database.drop();
  });

  let number = 0;
  const hostName = () => `d${++number}.example.test`;
  const newTenant = async (): Promise<TenantId> =>
    (await asSystem(() => tenants.create({ name: `tenant-${++number}` }))).id;
  const as = <T>(tenantId: TenantId, fn: () => Promise<T>): Promise<T> =>
    withClaims({ subject: 'user:ann', tenantId, roles: [] }, fn);

  async function verified(tenantId: TenantId, hostname = hostName()) {
    return as(tenantId, async () => {
      const { id } = await network.addDomain(tenantId, { hostname });
      const { txt } = await network.proofOf(tenantId, id);
      dns.texts.set(txt.name, ['something else', txt.value]);
      return network.verifyDomain(tenantId, id);
    });
  }

  it('lets nobody without claims, and nobody of another tenant, see or change anything', async () => {
    const [own, other] = [await newTenant(), await newTenant()];
    const { id } = await verified(own);
    await expect(network.getDomain(own, id)).rejects.toThrow(UnauthorizedError);
    const calls: (() => Promise<unknown>)[] = [
      () => network.getDomain(own, id),
      () => network.listDomains(own),
      () => network.verifyDomain(own, id),
      () => network.removeDomain(own, id),
      () => network.provisionCert(own, id),
      () => network.listCerts(own),
      () => network.listRoutes(own),
      () => network.trustDomain(own, id),
      () => network.listCertsAcrossTenants(),
    ];
    for (const call of calls) await expect(as(other, call)).rejects.toThrow(ForbiddenError);
    await expect(as(other, () => network.getDomain(other, id))).rejects.toThrow(UnknownDomainError);
    await expect(as(other, () => network.provisionCert(other, id))).rejects.toThrow(UnknownDomainError);
  });

  it('verifies a domain by a TXT record, or a CNAME to a name of the tenant’s own, and says what is missing', async () => {
    const tenantId = await newTenant();
    const hostname = hostName();
    await as(tenantId, async () => {
      const { id } = await network.addDomain(tenantId, { hostname: hostname.toUpperCase() });
      const { txt, cname } = await network.proofOf(tenantId, id);
      dns.texts.set(txt.name, [txt.value.slice(0, -1)]);
      dns.cnames.set(txt.name, 'edge.example.net');
      const refused = network.verifyDomain(tenantId, id);
      await expect(refused).rejects.toThrow(DomainNotVerifiedError);
      await expect(refused).rejects.toThrow(`Add a TXT record ${txt.name} with the value "${txt.value}"`);
      dns.away = true;
      await expect(network.verifyDomain(tenantId, id)).rejects.toThrow(DnsUnavailableError);
      dns.away = false;
      dns.cnames.set(cname!.name, cname!.target);
      expect(await network.verifyDomain(tenantId, id)).toMatchObject({
        hostname,
        verifiedAt: expect.any(Date),
      });
    });
  });

  it('gives a name to the tenant who proves it first', async () => {
    const [a, b] = [await newTenant(), await newTenant()];
    const hostname = hostName();
    const claimed = await as(b, () => network.addDomain(b, { hostname }));
    await verified(a, hostname);
    const { txt } = await as(b, () => network.proofOf(b, claimed.id));
    dns.texts.set(txt.name, [txt.value]);
    await expect(as(b, () => network.verifyDomain(b, claimed.id))).rejects.toThrow(DomainTakenError);
  });

  it.each(['localhost', '*.example.test', '192.0.2.1', 'a b.test', 'co.uk', ''])(
    'refuses %j as a domain',
    async (hostname) => {
      const tenantId = await newTenant();
      await expect(as(tenantId, () => network.addDomain(tenantId, { hostname }))).rejects.toThrow(
        InvalidInputError,
      );
    },
  );

  it('wants a certificate once for the same names, and only for names of a verified domain', async () => {
    const tenantId = await newTenant();
    const { id, hostname } = await verified(tenantId);
    await as(tenantId, async () => {
      const names = [`*.${hostname}`, hostname];
      const first = await network.provisionCert(tenantId, id, { names });
      expect(first.names).toEqual(names);
      expect(await network.provisionCert(tenantId, id, { names: names.toReversed() })).toEqual(first);
      expect((await network.provisionCert(tenantId, id)).id).not.toBe(first.id);
      for (const name of ['other.example.test', `x${hostname}`, 'example.test'])
        await expect(network.provisionCert(tenantId, id, { names: [name] })).rejects.toThrow(
          `names: ${name} is not ${hostname} or below it`,
        );
      const unverified = await network.addDomain(tenantId, { hostname: hostName() });
      await expect(network.provisionCert(tenantId, unverified.id)).rejects.toThrow(DomainNotVerifiedError);
    });
  });

  it('adds, changes and removes routes of a domain', async () => {
    const tenantId = await newTenant();
    const { id } = await verified(tenantId);
    await as(tenantId, async () => {
      const request = { path: '/api', workloadId: newId('workload'), port: 8080 };
      const route = await network.addRoute(tenantId, id, request);
      expect(route).toMatchObject({ ...request, protocol: 'http', weight: 100, stripPrefix: false });
      await expect(network.addRoute(tenantId, id, request)).rejects.toThrow(RouteTakenError);
      await expect(network.addRoute(tenantId, id, { ...request, path: 'api' })).rejects.toThrow(
        InvalidInputError,
      );
      await expect(network.updateRoute(tenantId, route.id, { port: 0 })).rejects.toThrow(
        'port: 0 is no port',
      );
      expect(await network.updateRoute(tenantId, route.id, { weight: 5 })).toMatchObject({ weight: 5 });
      await network.removeRoute(tenantId, route.id);
      await expect(network.updateRoute(tenantId, route.id, { weight: 5 })).rejects.toThrow(UnknownRouteError);
    });
  });

  it('removes a domain with its routes and certificates, tells it once, and may be repeated', async () => {
    const tenantId = await newTenant();
    const { id, hostname } = await verified(tenantId);
    await as(tenantId, async () => {
      await network.addRoute(tenantId, id, { path: '/', workloadId: newId('workload'), port: 80 });
      await network.provisionCert(tenantId, id);
      await network.removeDomain(tenantId, id);
      await network.removeDomain(tenantId, id);
      expect((await network.listRoutes(tenantId)).items).toEqual([]);
      expect((await network.listCerts(tenantId)).items).toEqual([]);
    });
    expect(await app.get(CertificateStore, { strict: false }).active(hostname)).toBeUndefined();
    const { items } = await asSystem(() => app.get(EventBus, { strict: false }).recent({ tenantId }));
    expect(items.map(({ type }) => type).toReversed()).toEqual([
      'tenant.created',
      'domain.added',
      'domain.verified',
      'cert.requested',
      'cert.removed',
      'domain.removed',
    ]);
  });

  it('goes with its tenant: domains, routes, certificates and their keys, and another may have the name', async () => {
    const tenantId = await newTenant();
    const hostname = hostName();
    const { id } = await verified(tenantId, hostname);
    const unverified = hostName();
    const certificates = app.get(CertificateStore, { strict: false });
    const certificate = await as(tenantId, async () => {
      await network.addDomain(tenantId, { hostname: unverified });
      await network.addRoute(tenantId, id, { path: '/', workloadId: newId('workload'), port: 80 });
      return network.provisionCert(tenantId, id);
    });
    const claim = await certificates.claim(certificate, 60_000);
    const version = {
      ...{ issuer: 'test', chain: 'c', sealedKey: 'v1.k.a.b.c' as const, serialNumber: '01' },
      ...{ notBefore: new Date(), notAfter: new Date(Date.now() + 86_400_000) },
    };
    await certificates.activate(claim!, version, { renewal: certificate.renewal, dueIn: Infinity });
    const kept = await newTenant();
    const { id: other } = await verified(kept);

    await asSystem(() => tenants.delete(tenantId));
    for (const table of ['domains', 'routes', 'certificates'])
      expect(
        await app.get(DataSource).query(`SELECT * FROM ${table} WHERE tenant_id = $1`, [tenantId]),
      ).toEqual([]);
    expect(await certificates.active(hostname)).toBeUndefined();
    expect((await certificates.sealedVersions(undefined, 1_000)).map(({ id: of }) => of)).not.toContain(
      certificate.id,
    );
    await asSystem(() => tenants.delete(tenantId));
    expect(await as(kept, () => network.getDomain(kept, other))).toMatchObject({ id: other });
    await verified(kept, hostname);
    await expect(asSystem(() => network.addDomain(tenantId, { hostname: hostName() }))).rejects.toThrow(
      UnknownTenantError,
    );
  });
});
