import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type INestApplication, type LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { createPrivateKey } from 'node:crypto';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { freePort } from '../../../../test/support/free-port.js';
import { describeWith } from '../../../../test/support/needs.js';
import { type Pebble, startPebble } from '../../../../test/support/pebble.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { WorkerDashboardModule } from '../../../core/dashboard/worker-dashboard.module.js';
import { HttpAccessModule } from '../../../core/http/http-access.module.js';
import { postgres } from '../../../core/postgres/postgres.coordinator.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { CertificateStore } from '../../certificates/certificate.store.js';
import { IssuerStateStore } from '../../certificates/issuers/issuer-state.store.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { rotateKeys } from '../../certificates/keys/rotate-keys.js';
import { CertificateServer } from '../../certificates/serving/certificate-server.js';
import { EventsHttpModule } from '../../events/events-http.module.js';
import { type TenantId } from '../../ids/typed-id.js';
import { DomainStore } from '../../network/domain.store.js';
import { NetworkHttpModule } from '../../network/network-http.module.js';
import { NetworkModule } from '../../network/network.module.js';
import { NetworkService } from '../../network/network.service.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { TenantsModule } from '../../tenants/tenants.module.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { CertRenewerModule } from './cert-renewer.module.js';
import { acme } from './cert-renewer.options.js';

const HMAC_KEY = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
const TOKEN = 'token-of-the-secrets-spec';

describeWith('pebble', 'What is secret', () => {
  const directory = temporaryDirectories(afterAll);
  const encryptionKeys = [KeyRing.generate('new'), KeyRing.generate('old')];
  /** Private keys of certificates and accounts, as they were when they were sealed. */
  const sealed: string[] = [];
  /** All that was said: logs, errors, answers, rows. */
  const said: string[] = [];
  const { seal } = KeyRing.prototype;
  let database: Awaited<ReturnType<typeof createControlPlaneDatabase>>;
  let pebble: Pebble;
  let httpPort: number;
  let sink: string;
  let tenantId: TenantId;
  let app: INestApplication;

  const log = (...parts: unknown[]): void => {
    said.push(parts.map((part) => (typeof part === 'string' ? part : shown(part))).join(' '));
  };
  const logger: LoggerService = {
    ...{ log, error: log, warn: log, debug: log, verbose: log, fatal: log },
  };
  /** With causes, and what is on none of the beaten tracks. */
  const shown = (value: unknown): string =>
    inspect(value, { depth: 12, showHidden: true, maxStringLength: null });

  beforeAll(async () => {
    KeyRing.prototype.seal = function (secret, purpose) {
      sealed.push(secret);
      return seal.call(this, secret, purpose);
    };
    database = await createControlPlaneDatabase();
    httpPort = await freePort();
    sink = join(await directory(), 'certificates');
    pebble = await startPebble({
      ...{ directory: await directory(), httpPort, externalAccounts: { 'kid-1': HMAC_KEY } },
    });
    app = await start({ keys: encryptionKeys[1]! });
    const tenants = app.get(TenantsService, { strict: false });
    ({ id: tenantId } = await asSystem(() => tenants.create({ name: 'shop' })));
  }, 180_000);
  afterAll(async () => {
    KeyRing.prototype.seal = seal;
    await app?.close();
    await pebble?.stop();
    await database?.drop();
  });

  async function start({
    keys,
    keyId = 'kid-1',
  }: {
    keys: string;
    keyId?: string;
  }): Promise<INestApplication> {
    const issuer = acme({
      ...{ name: keyId, directoryUrl: pebble.directoryUrl, trust: pebble.trust, termsOfServiceAgreed: true },
      ...{ externalAccountBinding: { keyId, hmacKey: HMAC_KEY }, requestTimeout: '2s', limits: false },
    });
    const testing = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRootAsync({
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => ({
            coordination: postgres({ dataSource }),
            drain: { timeout: 0, abortGrace: 0 },
          }),
        }),
        TenantsModule,
        NetworkModule.forRoot({ dnsServers: [pebble.dnsServer] }),
        CertRenewerModule.forRoot({
          encryptionKeys: keys,
          issuers: [issuer],
          interval: '1d',
          fileSink: sink,
        }),
        NetworkHttpModule,
        EventsHttpModule,
        HttpAccessModule.forRoot({ token: TOKEN }),
        WorkerDashboardModule.forRoot({ token: TOKEN }),
      ],
    })
      .setLogger(logger)
      .compile();
    const started = testing.createNestApplication({ logger });
    await started.listen(httpPort, '127.0.0.1');
    return started;
  }

  async function tick(): Promise<string> {
    const ended = await (await app.get(Scheduler).trigger('cert_renewer')).ended;
    log(ended);
    return String(ended.progress?.message);
  }

  async function add(hostname: string): Promise<void> {
    await asSystem(async () => {
      const network = app.get(NetworkService);
      const { id } = await network.addDomain(tenantId, { hostname });
      await app.get(DomainStore, { strict: false }).markVerified(tenantId, id);
      await network.provisionCert(tenantId, id);
    });
  }

  const due = (change = '') =>
    app.get(DataSource).query(`UPDATE certificates SET due_at = clock_timestamp() ${change}`);

  async function fails(what: () => Promise<unknown>): Promise<void> {
    const error: unknown = await what().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeDefined();
    said.push(shown(error), String((error as Error).stack));
  }

  it('is in no log, event, error, answer or row, whatever goes right and wrong', async () => {
    // Right: issued, renewed, written to files, served.
    await add('shop.example.test');
    expect(await tick()).toBe('1 renewed');
    await due(`, not_before = now() - interval '80 days', not_after = now() + interval '10 days'`);
    expect(await tick()).toBe('1 renewed');
    log(await app.get(CertificateServer).context('shop.example.test'));

    // A name that cannot be proven, a CA that does not answer.
    await add('other.example.test');
    await pebble.dns('add-a', { host: 'other.example.test.', addresses: ['127.0.0.2'] });
    expect(await tick()).toBe('1 failed');
    await due();
    pebble.pause();
    expect(await tick()).toMatch(/failed/);
    pebble.resume();

    // An account that the CA does not take, and one whose key was changed in the database.
    await app.close();
    app = await start({ keys: encryptionKeys[1]!, keyId: 'kid-2' });
    await add('third.example.test');
    await due();
    expect(await tick()).toMatch(/failed/);
    await app.close();
    app = await start({ keys: encryptionKeys[1]! });
    await due();
    const tampered = `left(sealed, -4) || 'AAAA'`;
    await app.get(DataSource).query(`UPDATE issuer_states SET sealed = ${tampered}`);
    await app.close();
    app = await start({ keys: encryptionKeys[1]! });
    expect(await tick()).toMatch(/failed|error/);
    await app.get(DataSource).query('DELETE FROM issuer_states');

    // A directory that cannot be written into.
    await rm(sink, { recursive: true });
    await writeFile(sink, '');
    await chmod(sink, 0o400);
    await due(`, not_before = now() - interval '80 days', not_after = now() + interval '10 days'`);
    expect(await tick()).toMatch(/renewed/);

    // Everything that can be asked.
    for (const path of [
      '/certificates',
      '/certificates/metrics',
      '/events',
      '/workers',
      '/workers/cert_renewer',
    ])
      for (const suffix of ['', '/runs', '?limit=100']) {
        const headers = { authorization: `Bearer ${TOKEN}` };
        said.push(await (await fetch(`http://127.0.0.1:${httpPort}${path}${suffix}`, { headers })).text());
      }

    // Keys: changed, wrong, missing.
    const both = KeyRing.parse(encryptionKeys.join(','));
    const stores = [
      app.get(CertificateStore, { strict: false }),
      app.get(IssuerStateStore, { strict: false }),
    ] as const;
    log(await rotateKeys(both, ...stores));
    await app.close();
    const [newKey, oldKey] = encryptionKeys.map((pair) => pair.slice(pair.indexOf(':') + 1));
    await fails(() => start({ keys: encryptionKeys[1]! }));
    await fails(() => start({ keys: `new:${oldKey!.slice(4)}` }));
    await fails(() => start({ keys: newKey! }));
    await fails(() => start({ keys: `new ${newKey}` }));
    app = await start({ keys: `new:${oldKey}` });
    await fails(() => app.get(CertificateServer).context('shop.example.test'));
    await due();
    await tick();
    await app.close();
    app = await start({ keys: encryptionKeys.join(',') });

    const source = app.get(DataSource);
    const tables = await source.query<{ name: string }[]>(
      `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of tables) said.push(shown(await source.query(`SELECT t::text FROM ${name} t`)));

    const all = said.join('\n');
    // What is looked through is what should be: each kind of thing is in it.
    for (const telling of [
      'shop.example.test',
      'cert.renewed',
      'cert.backoff',
      'kid-2',
      'could not be written',
      'days_left',
      'v1.new.',
    ])
      expect(all).toContain(telling);
    // A key for each order, also of those that failed, and one for each account.
    expect(sealed.length).toBeGreaterThanOrEqual(5);
    const secrets = [...sealed.flatMap(formsOf), HMAC_KEY, newKey!, oldKey!, oldKey!.slice(4)];
    expect(all).not.toContain('PRIVATE KEY');
    for (const secret of secrets) expect(all.includes(secret)).toBe(false);
  }, 300_000);

  /** A key in PEM, as one line, and what is private of it as in a JWK. */
  function formsOf(pem: string): string[] {
    const { d } = createPrivateKey(pem).export({ format: 'jwk' });
    const hex = Buffer.from(d!, 'base64url').toString('hex');
    return [pem, pem.split('\n')[1]!, pem.replace(/-----.*?-----|\s/g, ''), d!, hex];
  }
});
