import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { KeyRing } from '../../src/modules/certificates/keys/key-ring.js';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { type Pebble, startPebble } from '../support/pebble.js';
import { query } from '../support/query.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

describeWith('pebble', 'the example custom-domains', () => {
  const directory = temporaryDirectories(afterAll);
  let httpPort: AddressInfo['port'];
  let pebble: Pebble;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let app: AppProcess;
  let httpsPort: number;

  beforeAll(async () => {
    httpPort = await freePort();
    pebble = await startPebble({ directory: await directory(), httpPort });
  });
  afterEach(async () => {
    await app?.destroy();
    await database?.drop();
  });
  afterAll(() => pebble?.stop());

  async function start(env: Record<string, string> = {}): Promise<void> {
    database = await createTestDatabase();
    app = new AppProcess({
      command: [process.execPath, 'dist/examples/custom-domains/main.js'],
      cwd: builtCheckout(),
      env: {
        ...{ PATH: process.env.PATH, NO_COLOR: '1', DATABASE_URL: database.url },
        ...{ HTTP_PORT: String(httpPort), HTTPS_PORT: '0', CHECK_EVERY: '200ms' },
        ...{ ENCRYPTION_KEYS: KeyRing.generate('first'), DNS_SERVERS: pebble.dnsServer },
        ...env,
      },
    });
    httpsPort = Number((await app.said(/served over HTTPS at (\d+)/))[1]);
  }

  async function call<T>(path: string, body?: unknown): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${httpPort}/domains${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** As a customer does it: adds the domain, then the record that the answer names, and has it verified. */
  async function addDomain(hostname: string): Promise<void> {
    type Added = { id: string; proof: { txt: { name: string; value: string } } };
    const { id, proof } = await call<Added>('', { hostname });
    await expect(call(`/${id}/verify`, {})).rejects.toThrow(`409 {`);
    await pebble.dns('set-txt', { host: `${proof.txt.name}.`, value: proof.txt.value });
    await call(`/${id}/verify`, {});
  }

  const certificates = () =>
    call<{ names: string[]; stage: string; serialNumber?: string }[]>('/certificates');

  /** Serial number of what a client gets that trusts the root alone. */
  function handshake(servername: string, ca: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: httpsPort, servername, ca });
      socket.once('secureConnect', () => {
        const { serialNumber } = socket.getPeerX509Certificate()!;
        socket.destroy();
        resolve(serialNumber.toLowerCase());
      });
      socket.once('error', reject);
    });
  }

  async function issued(hostname: string, than?: string): Promise<string> {
    return eventually(async () => {
      const found = (await certificates()).find(({ names }) => names.includes(hostname));
      if (found?.stage === 'backoff') throw new Error(`It failed: ${JSON.stringify(found)}\n${app.output}`);
      return found?.serialNumber !== undefined && found.serialNumber !== than && found.serialNumber;
    }, 60_000);
  }

  async function end(): Promise<void> {
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
    expect(app.output).not.toMatch(/error/i);
  }

  it('serves a domain that is added at run time, issued by ACME, and renews it without one failed handshake', async () => {
    const trust = join(await directory(), 'pebble.pem');
    await writeFile(trust, pebble.trust);
    await start({ ACME_DIRECTORY: pebble.directoryUrl, NODE_EXTRA_CA_CERTS: trust });
    const root = await pebble.root();
    const hostname = 'shop.customer.test';
    await expect(handshake(hostname, root)).rejects.toThrow();
    await addDomain(hostname);
    const first = await issued(hostname);
    // Somebody may have asked before there was anything: that is remembered for a few seconds.
    await eventually(() => handshake(hostname, root).catch(() => undefined), 60_000);

    await query(
      database.url,
      `UPDATE certificates SET due_at = now(), not_before = now() - interval '80 days', not_after = now() + interval '10 days'`,
    );
    const second = await issued(hostname, first);
    const served = new Set<string>();
    await eventually(async () => {
      served.add(await handshake(hostname, root));
      return served.has(second);
    }, 60_000);
    expect([...served].filter((serial) => serial !== first && serial !== second)).toEqual([]);
    await expect(handshake('nobody.customer.test', root)).rejects.toThrow();
    await end();
  });

  it('serves what its own CA issues to whoever trusts the root that it prints', async () => {
    await start();
    const [root] = await app.said(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/);
    await addDomain('own.customer.test');
    const serial = await issued('own.customer.test');
    expect(await handshake('own.customer.test', root)).toBe(serial);
    await end();
  });
});
