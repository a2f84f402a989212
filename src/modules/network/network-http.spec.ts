import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { type Certificate } from '../certificates/certificate.js';
import { CertificateStore } from '../certificates/certificate.store.js';
import { newId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { parsePrometheusText } from '../telemetry/prometheus-text.js';
import { NetworkHttpModule } from './network-http.module.js';
import { NetworkModule } from './network.module.js';

const DAY = 86_400_000;

describe('certificates over HTTP', () => {
  let app: INestApplication;
  let url: string;
  let database: { url: string; drop(): Promise<void> };
  const tenantId = newId('tenant');
  let issued: Certificate;
  let failing: Certificate;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    const module = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        NetworkModule.forRoot(),
        NetworkHttpModule,
        HttpAccessModule.forRoot({ token: 'secret' }),
      ],
    }).compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    const store = app.get(CertificateStore, { strict: false });
    const add = (...names: string[]) =>
      store.insert(tenantId, {
        ...{ id: newId('certificate'), domainId: newId('domain'), names, keyType: 'ec-p256' },
      });
    issued = await add('a.test', 'b.test');
    failing = await add('*.c.test');
    const version = {
      ...{ issuer: 'ca', chain: 'the chain', sealedKey: 'v1.k.a.b.c' as const, serialNumber: '0a' },
      ...{ notBefore: new Date(Date.now() - 60 * DAY), notAfter: new Date(Date.now() + 30 * DAY) },
    };
    const settled = {
      renewal: { stage: 'valid' as const, failures: 0, issuerTurn: 0, told: [] },
      dueIn: 20 * DAY,
    };
    await store.activate((await store.claim(issued, 60_000))!, version, settled);
    const lastError = 'ca: rateLimited: "too many"';
    await store.settle((await store.claim(failing, 60_000))!, {
      renewal: { ...settled.renewal, stage: 'backoff', failures: 4, lastError },
      dueIn: DAY,
    });
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const get = (path: string, token = 'secret') =>
    fetch(url + path, { headers: { authorization: `Bearer ${token}` } });

  it('shows days left, stage, next attempt and the last error, and neither chain nor key', async () => {
    const text = await (await get('/certificates')).text();
    const { items } = JSON.parse(text) as { items: Record<string, unknown>[] };
    expect(items).toMatchObject([
      { id: issued.id, stage: 'valid', days_left: expect.closeTo(30, 1), failures: 0, issuer: 'ca' },
      { id: failing.id, stage: 'backoff', failures: 4, last_error: 'ca: rateLimited: "too many"' },
    ]);
    for (const { next_attempt } of items)
      expect(Date.parse(String(next_attempt))).toBeGreaterThan(Date.now());
    expect(text).not.toMatch(/the chain|v1\.k/);
    const critical = (await (await get('/certificates?stage=backoff')).json()) as { items: { id: string }[] };
    expect(critical.items.map(({ id }) => id)).toEqual([failing.id]);
  });

  it('tells Prometheus the days that are left of each, and its failures', async () => {
    const answer = await get('/certificates/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    const { samples, unreadable } = parsePrometheusText(text, { most: 100 });
    expect(unreadable).toBe(0);
    const labels = (certificate: Certificate) => ({
      ...{ tenant: tenantId, certificate: certificate.id, name: certificate.names[0] },
    });
    expect(samples).toEqual([
      {
        name: 'certificate_days_left',
        labels: labels(issued),
        value: expect.closeTo(30, 1),
        kind: 'gauge',
      },
      { name: 'certificate_failures', labels: labels(issued), value: 0, kind: 'gauge' },
      { name: 'certificate_failures', labels: labels(failing), value: 4, kind: 'gauge' },
    ]);
    expect(text.match(/^# TYPE/gm)).toHaveLength(2);
  });

  it.each(['/certificates', '/certificates/metrics'])('refuses %s to whoever has no token', async (path) => {
    expect((await get(path, 'guessed')).status).toBe(401);
  });
});
