import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { describeWith } from '../../../../test/support/needs.js';
import { freePort } from '../../../../test/support/free-port.js';
import { type Pebble, startPebble } from '../../../../test/support/pebble.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { type CertificateId, type DomainId, type TenantId } from '../../ids/typed-id.js';
import { Issuers } from '../../certificates/issuers/issuers.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { CertificateServer } from '../../certificates/serving/certificate-server.js';
import { EventBus } from '../../events/event-bus.js';
import { NetworkModule } from '../../network/network.module.js';
import { NetworkService } from '../../network/network.service.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { TenantsModule } from '../../tenants/tenants.module.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { CertRenewerModule } from './cert-renewer.module.js';
import { acme } from './cert-renewer.options.js';

describeWith('pebble', 'CertRenewer with Pebble', () => {
  const directory = temporaryDirectories(afterAll);
  let pebble: Pebble;
  let app: INestApplication;
  let https: Server;
  let database: Awaited<ReturnType<typeof createControlPlaneDatabase>>;
  let tenantId: TenantId;
  let network: NetworkService;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const httpPort = await freePort();
    pebble = await startPebble({ directory: await directory(), httpPort });
    const issuer = acme({
      name: 'pebble',
      directoryUrl: pebble.directoryUrl,
      termsOfServiceAgreed: true,
      trust: pebble.trust,
      roots: [await pebble.root()],
    });
    const testing = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        TenantsModule,
        NetworkModule.forRoot({ dnsServers: [pebble.dnsServer], pointsTo: { addresses: ['127.0.0.1'] } }),
        CertRenewerModule.forRoot({
          encryptionKeys: KeyRing.generate('test'),
          issuers: [issuer],
          interval: 0,
        }),
      ],
    }).compile();
    app = testing.createNestApplication({ logger: false });
    await app.listen(httpPort, '127.0.0.1');
    network = app.get(NetworkService);
    const server = app.get(CertificateServer);
    https = createServer({ SNICallback: server.sniCallback({ refresh: 50 }) }, (_, response) =>
      response.end('hello'),
    );
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    const tenants = app.get(TenantsService, { strict: false });
    ({ id: tenantId } = await asSystem(() => tenants.create({ name: 'shop' })));
  }, 180_000);
  afterAll(async () => {
    https?.close();
    await app?.close();
    await pebble?.stop();
    await database?.drop();
  });

  const tick = async () => (await app.get(Scheduler).trigger('cert_renewer')).ended;

  async function verifiedDomain(hostname: string): Promise<DomainId> {
    return asSystem(async () => {
      const { id } = await network.addDomain(tenantId, { hostname });
      const { txt } = await network.proofOf(tenantId, id);
      await pebble.dns('set-txt', { host: `${txt.name}.`, value: txt.value });
      await network.verifyDomain(tenantId, id);
      return id;
    });
  }

  const certificate = async (id: CertificateId) => {
    const { items } = await asSystem(() => network.listCerts(tenantId));
    return items.find((one) => one.id === id)!;
  };

  /** One TLS handshake of a client that trusts Pebble's root alone. */
  function handshake(servername: string, ca: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: '127.0.0.1',
        port: (https.address() as AddressInfo).port,
        servername,
        ca,
      });
      socket.once('secureConnect', () => {
        const { serialNumber } = socket.getPeerX509Certificate()!;
        socket.destroy();
        resolve(serialNumber.toLowerCase());
      });
      socket.once('error', reject);
    });
  }

  it('issues, serves, and renews without one failed handshake', async () => {
    const hostname = 'shop.example.test';
    const domainId = await verifiedDomain(hostname);
    const { id } = await asSystem(() => network.provisionCert(tenantId, domainId));
    expect(await tick()).toMatchObject({ outcome: 'succeeded', progress: { message: '1 renewed' } });
    const first = await certificate(id);
    expect(first).toMatchObject({ issued: { version: 1, issuer: 'pebble' }, renewal: { stage: 'valid' } });
    expect((await asSystem(() => network.getDomain(tenantId, domainId))).certExpiry).toEqual(
      first.issued!.notAfter,
    );

    const root = await pebble.root();
    const served = new Set<string>();
    let handshakes = 0;
    let renewed = false;
    const clients = Array.from({ length: 4 }, async () => {
      while (!renewed || !served.has((await certificate(id)).issued!.serialNumber)) {
        served.add(await handshake(hostname, root));
        handshakes++;
      }
    });
    await app.get(DataSource).query(
      `UPDATE certificates SET due_at = clock_timestamp(), not_before = now() - interval '80 days',
           not_after = now() + interval '10 days'`,
    );
    expect(await tick()).toMatchObject({ outcome: 'succeeded', progress: { message: '1 renewed' } });
    renewed = true;
    await Promise.all(clients);
    expect([...served]).toEqual([first.issued!.serialNumber, (await certificate(id)).issued!.serialNumber]);
    expect(handshakes).toBeGreaterThan(4);

    const { items } = await asSystem(() => app.get(EventBus, { strict: false }).recent({ tenantId }));
    expect(
      items
        .map(({ type }) => type)
        .filter((type) => type.startsWith('cert.'))
        .toReversed(),
    ).toEqual([
      'cert.requested',
      'cert.renewing',
      'cert.issued',
      'cert.expiring',
      'cert.renewing',
      'cert.renewed',
    ]);
  }, 180_000);

  it('waits for the domain to lead here, and orders nothing until then', async () => {
    const hostname = 'elsewhere.example.test';
    const domainId = await verifiedDomain(hostname);
    await pebble.dns('add-a', { host: `${hostname}.`, addresses: ['192.0.2.1'] });
    const { id } = await asSystem(() => network.provisionCert(tenantId, domainId));
    expect(await tick()).toMatchObject({ progress: { message: '1 postponed' } });
    expect((await certificate(id)).renewal).toMatchObject({
      stage: 'pending',
      failures: 0,
      lastError: `${hostname} leads to 192.0.2.1, which is not here`,
    });
    await pebble.dns('clear-a', { host: `${hostname}.` });
    await asSystem(() => network.retryCert(tenantId, id));
    expect(await tick()).toMatchObject({ progress: { message: '1 renewed' } });
  }, 180_000);

  it('orders nothing where CAA records allow another CA alone, and says which', async () => {
    const hostname = 'caa.example.test';
    const domainId = await verifiedDomain(hostname);
    // Pebble's directory does not say what it is called in CAA records.
    const issuer = app.get(Issuers).named('pebble')!;
    issuer.caaIdentities = async () => ['pebble.letsencrypt.org'];
    const policies = [{ tag: 'issue', value: 'letsencrypt.org' }];
    await pebble.dns('add-caa', { host: `${hostname}.`, policies });
    const { id } = await asSystem(() => network.provisionCert(tenantId, domainId));
    expect(await tick()).toMatchObject({ progress: { message: '1 postponed' } });
    expect((await certificate(id)).renewal.lastError).toBe(
      `CAA records of ${hostname} allow letsencrypt.org, and not pebble.letsencrypt.org`,
    );
    await pebble.dns('clear-caa', { host: `${hostname}.` });
    await asSystem(() => network.retryCert(tenantId, id));
    expect(await tick()).toMatchObject({ progress: { message: '1 renewed' } });
  }, 180_000);

  it('loses a domain after its grace, which is told once, and finds it again', async () => {
    const hostname = 'moved.example.test';
    const domainId = await verifiedDomain(hostname);
    await pebble.dns('add-a', { host: `${hostname}.`, addresses: ['192.0.2.1'] });
    const { id } = await asSystem(() => network.provisionCert(tenantId, domainId));
    await tick();
    await app
      .get(DataSource)
      .query(`UPDATE domains SET unreachable_since = now() - interval '4 days' WHERE id = $1`, [domainId]);
    for (let n = 0; n < 2; n++) {
      await asSystem(() => network.retryCert(tenantId, id));
      expect(await tick()).toMatchObject({ progress: { message: '1 lost' } });
    }
    await pebble.dns('clear-a', { host: `${hostname}.` });
    await asSystem(() => network.verifyDomain(tenantId, domainId));
    expect(await tick()).toMatchObject({ progress: { message: '1 renewed' } });
    const { items } = await asSystem(() => app.get(EventBus, { strict: false }).recent({ tenantId }));
    const types = items
      .filter(({ payload }) => payload.domainId === domainId)
      .map(({ type }) => type)
      .filter((type) => type.startsWith('domain.'));
    expect(types.toReversed()).toEqual(['domain.added', 'domain.verified', 'domain.lost', 'domain.found']);
  }, 180_000);

  it('keeps no private key in clear text anywhere in the database', async () => {
    const rows: unknown[] = [];
    for (const table of [
      'certificates',
      'certificate_versions',
      'issuer_states',
      'events',
      'http_challenges',
    ])
      rows.push(await app.get(DataSource).query(`SELECT t::text FROM ${table} t`));
    const text = JSON.stringify(rows);
    expect(text).toContain('v1.test.');
    expect(text).not.toContain('PRIVATE KEY');
  });
});
