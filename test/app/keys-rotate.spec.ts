import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { certificatePurpose, NEW_RENEWAL } from '../../src/modules/certificates/certificate.js';
import { PostgresCertificateStore } from '../../src/modules/certificates/postgres-certificate.store.js';
import { PostgresIssuerStateStore } from '../../src/modules/certificates/issuers/postgres-issuer-state.store.js';
import { KeyRing } from '../../src/modules/certificates/keys/key-ring.js';
import { type CertificateId, newId } from '../../src/modules/ids/typed-id.js';
import { AppProcess, type Exit } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { type ControlPlaneDatabase, openControlPlaneDatabase } from '../support/control-plane-database.js';

const PURPOSE_OF_ACCOUNT = 'issuer/ca/account';

describe('npm run keys:rotate', () => {
  const [old, next] = [KeyRing.generate('old'), KeyRing.generate('next')];
  let database: ControlPlaneDatabase;
  let certificates: PostgresCertificateStore;
  let issuers: PostgresIssuerStateStore;
  let id: CertificateId;

  beforeEach(async () => {
    database = await openControlPlaneDatabase();
    certificates = new PostgresCertificateStore(database.transactions);
    issuers = new PostgresIssuerStateStore(database.transactions);
    const ring = KeyRing.parse(old);
    id = newId('certificate');
    const wanted = { id, domainId: newId('domain'), names: ['shop.test'], keyType: 'ec-p256' as const };
    const certificate = await certificates.insert(newId('tenant'), wanted);
    const claim = await certificates.claim(certificate, 60_000);
    const version = {
      ...{
        issuer: 'ca',
        chain: 'chain',
        serialNumber: '01',
        sealedKey: ring.seal('key', certificatePurpose(id)),
      },
      ...{ notBefore: new Date(), notAfter: new Date(Date.now() + 86_400_000) },
    };
    await certificates.activate(claim!, version, { renewal: NEW_RENEWAL, dueIn: Infinity });
    await issuers.keepFirst('ca', 'account', { data: {}, sealed: ring.seal('account', PURPOSE_OF_ACCOUNT) });
  });
  afterEach(() => database.close());

  /** What the script runs once it has built. */
  async function rotate(keys: string): Promise<Exit & { output: string }> {
    const command = new AppProcess({
      command: [process.execPath, 'dist/keys-rotate.js'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, DATABASE_URL: database.url, ENCRYPTION_KEYS: keys },
    });
    const exit = await command.exit;
    return { ...exit, output: command.output };
  }

  it('seals every key with the first one, once, and then the others may go', async () => {
    const both = `${next},${old}`;
    expect(await rotate(both)).toMatchObject({
      code: 0,
      output: expect.stringContaining('2 keys are sealed with "next" now, 0 were before'),
    });
    expect(await rotate(both)).toMatchObject({
      code: 0,
      output: expect.stringContaining('0 keys are sealed with "next" now, 2 were before'),
    });
    const alone = KeyRing.parse(next);
    const { sealedKey } = (await certificates.active('shop.test'))!;
    expect(alone.open(sealedKey, certificatePurpose(id))).toBe('key');
    expect(alone.open((await issuers.list())[0]!.sealed, PURPOSE_OF_ACCOUNT)).toBe('account');
  });

  it('says which key is missing, and changes nothing', async () => {
    const before = (await certificates.active('shop.test'))!.sealedKey;
    const { code, output } = await rotate(next);
    expect(code).toBe(1);
    expect(output).toMatch(/encrypted with the key "old", which is not configured/);
    expect(output).not.toContain(next.slice(5));
    expect((await certificates.active('shop.test'))!.sealedKey).toBe(before);
  });
});
