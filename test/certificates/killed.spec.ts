import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import { WorkerModule } from '../../src/core/worker.module.js';
import { CertificateStore } from '../../src/modules/certificates/certificate.store.js';
import { certificatePurpose } from '../../src/modules/certificates/certificate.js';
import { KeyRing } from '../../src/modules/certificates/keys/key-ring.js';
import { checkIssued } from '../../src/modules/certificates/x509/check-issued.js';
import { type CertificateId, type TenantId } from '../../src/modules/ids/typed-id.js';
import { DomainStore } from '../../src/modules/network/domain.store.js';
import { NetworkModule } from '../../src/modules/network/network.module.js';
import { NetworkService } from '../../src/modules/network/network.service.js';
import { DatabaseModule } from '../../src/modules/schema/database.module.js';
import { TenantsModule } from '../../src/modules/tenants/tenants.module.js';
import { TenantsService } from '../../src/modules/tenants/tenants.service.js';
import { CertRenewerModule } from '../../src/modules/workers/cert-renewer/cert-renewer.module.js';
import { acme } from '../../src/modules/workers/cert-renewer/cert-renewer.options.js';
import { startAcmeProxy } from '../support/acme-proxy.js';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createControlPlaneDatabase } from '../support/control-plane-database.js';
import { asSystem } from '../support/control-plane.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { type Pebble, startPebble } from '../support/pebble.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

/** Kinds of requests to Pebble, in the order of an issuance. */
const REQUESTS = ['dir', 'nonce-plz', 'order-plz', 'authZ', 'chalZ', 'finalize-order', 'my-order', 'certZ'];
/** What it does with its rows meanwhile. */
const ROWS = ['claim', 'settle', 'activate', 'setCertExpiry'];
/** `npm run certs:kills`. Otherwise those that differ most. */
const FULL = process.env.CERT_KILLS === 'full';
const STEPS = FULL
  ? [...[...REQUESTS, ...ROWS].flatMap((step) => [`before ${step}`, `after ${step}`]), 'after commit']
  : ['after order-plz', 'after certZ', 'after setCertExpiry', 'after commit'];

describeWith('pebble', 'a replica that is killed while it issues', () => {
  const directory = temporaryDirectories(afterAll);
  const encryptionKeys = KeyRing.generate('test');
  let database: Awaited<ReturnType<typeof createControlPlaneDatabase>>;
  let pebble: Pebble;
  let proxy: Awaited<ReturnType<typeof startAcmeProxy>>;
  let root: string;
  let other: INestApplication;
  let tenantId: TenantId;
  let replica: AppProcess | undefined;
  let number = 0;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const httpPort = await freePort();
    pebble = await startPebble({ directory: await directory(), httpPort, nonceReject: 0 });
    proxy = await startAcmeProxy(pebble);
    root = await pebble.root();
    const { directoryUrl, trust } = proxy;
    const issuer = acme({
      ...{ name: 'ca', directoryUrl, trust, roots: [root], termsOfServiceAgreed: true, limits: false },
    });
    const testing = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        TenantsModule,
        NetworkModule.forRoot({ dnsServers: [pebble.dnsServer] }),
        CertRenewerModule.forRoot({ encryptionKeys, issuers: [issuer], interval: 0 }),
      ],
    }).compile();
    other = testing.createNestApplication({ logger: false });
    await other.listen(httpPort, '127.0.0.1');
    const tenants = other.get(TenantsService, { strict: false });
    ({ id: tenantId } = await asSystem(() => tenants.create({ name: 'shop' })));
    // Its account, which the replicas share: making that is no step of theirs.
    await issued(await add());
  }, 120_000);
  afterEach(() => replica?.destroy());
  afterAll(async () => {
    await other?.close();
    await proxy?.stop();
    await pebble?.stop();
    await database?.drop();
  });

  async function add(): Promise<{ hostname: string; id: CertificateId }> {
    const hostname = `shop-${++number}.example.test`;
    return asSystem(async () => {
      const network = other.get(NetworkService);
      const domain = await network.addDomain(tenantId, { hostname });
      await other.get(DomainStore, { strict: false }).markVerified(tenantId, domain.id);
      return { hostname, id: (await network.provisionCert(tenantId, domain.id)).id };
    });
  }

  /** What is served for it: checked as a client does. */
  async function served({ hostname, id }: { hostname: string; id: CertificateId }) {
    const active = await other.get(CertificateStore, { strict: false }).active(hostname);
    if (!active) return undefined;
    const privateKey = KeyRing.parse(encryptionKeys).open(active.sealedKey, certificatePurpose(id));
    const names = [hostname];
    const { serialNumber } = checkIssued(active.chain, {
      ...{ names, privateKey, now: Date.now(), clockSkew: 60_000, roots: [root] },
    });
    return serialNumber;
  }

  /** The other replica's turn. */
  async function issued(certificate: { hostname: string; id: CertificateId }): Promise<string> {
    const { ended } = await other.get(Scheduler).trigger('cert_renewer');
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    return (await served(certificate))!;
  }

  const ordersOf = (hostname: string) => proxy.seen.filter(({ names }) => names?.includes(hostname)).length;

  /** All that the tables hold, and all that the replica left on the disk. */
  async function stored(ofReplica: string): Promise<string> {
    const source = other.get(DataSource);
    const tables = await source.query<{ name: string }[]>(
      `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const rows = [];
    for (const { name } of tables) rows.push(await source.query(`SELECT t::text FROM ${name} t`));
    const files = await readdir(ofReplica, { recursive: true, withFileTypes: true });
    const contents = files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), 'utf8'));
    return JSON.stringify([rows, await Promise.all(contents)]);
  }

  it.each(STEPS)(
    '%s leaves nothing wrong: at most one order more, no key in clear text, nothing unchecked served',
    async (step) => {
      const certificate = await add();
      const { hostname, id } = certificate;
      const own = await directory();
      const [when, kind] = step.split(' ') as ['before' | 'after', string];
      if (REQUESTS.includes(kind))
        proxy.state[when] = (path) => {
          if (path.startsWith(`/${kind}`)) replica!.kill('SIGKILL');
        };
      const { directoryUrl, trust } = proxy;
      const { dnsServer } = pebble;
      replica = new AppProcess({
        command: [process.execPath, join(builtCheckout(), 'test/apps/cert-renewer.mjs')],
        cwd: own,
        env: {
          PATH: process.env.PATH,
          HOME: own,
          TMPDIR: own,
          REPLICA: JSON.stringify({
            ...{ url: database.url, encryptionKeys, directoryUrl, trust, roots: [root], dnsServer },
            dieAt: REQUESTS.includes(kind) ? undefined : step,
          }),
        },
      });
      const exit = await replica.exit;
      proxy.state.before = proxy.state.after = undefined;
      // If it was not killed, this step is none, and nothing has been shown.
      expect({ ...exit, output: replica.output }).toMatchObject({ signal: 'SIGKILL' });

      const after = step === 'after commit';
      const serial = await served(certificate);
      expect(serial !== undefined).toBe(after);
      const text = await stored(own);
      expect(text).not.toContain('PRIVATE KEY');

      if (!after) {
        // Nobody else takes it up as long as the claim lasts, or a second order would be on beside the first.
        const orders = ordersOf(hostname);
        if (step !== 'before claim') expect(await issued(certificate)).toBeUndefined();
        expect(ordersOf(hostname)).toBe(step === 'before claim' ? 0 : orders);
        await other
          .get(DataSource)
          .query('UPDATE certificates SET due_at = clock_timestamp() WHERE id = $1', [id]);
        expect(await issued(certificate)).toMatch(/^[0-9a-f]+$/);
      }
      expect(ordersOf(hostname)).toBeLessThanOrEqual(2);
      const found = await other.get(CertificateStore, { strict: false }).find(tenantId, id);
      expect(found).toMatchObject({ issued: { version: 1 }, renewal: { stage: 'valid', failures: 0 } });
    },
  );
});
