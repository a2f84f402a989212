import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startAcmeProxy } from '../../../../../test/support/acme-proxy.js';
import { startChallengeServer } from '../../../../../test/support/challenge-server.js';
import { describeWith } from '../../../../../test/support/needs.js';
import { type Pebble, startPebble } from '../../../../../test/support/pebble.js';
import { temporaryDirectories } from '../../../../../test/support/temporary-directory.js';
import { DnsLookup } from '../../../dns/dns-lookup.js';
import { InMemoryHttpChallengeStore } from '../../challenges/in-memory-http-challenge.store.js';
import { KeyRing } from '../../keys/key-ring.js';
import { readChain } from '../../x509/chain.js';
import { createKeyAndRequest } from '../../x509/key-pair.js';
import { InMemoryIssuerStateStore } from '../in-memory-issuer-state.store.js';
import { AcmeIssuer } from './acme.issuer.js';

describeWith('pebble', 'AcmeIssuer and renewal information, by a stub in front of Pebble', () => {
  const directory = temporaryDirectories(afterAll);
  const http = new InMemoryHttpChallengeStore();
  let challengeServer: Awaited<ReturnType<typeof startChallengeServer>>;
  let pebble: Pebble;
  let proxy: Awaited<ReturnType<typeof startAcmeProxy>>;
  let issuer: AcmeIssuer;

  beforeAll(async () => {
    challengeServer = await startChallengeServer(http);
    pebble = await startPebble({ directory: await directory(), httpPort: challengeServer.port });
    proxy = await startAcmeProxy(pebble);
    issuer = new AcmeIssuer(
      { directoryUrl: proxy.directoryUrl, termsOfServiceAgreed: true, trust: proxy.trust },
      {
        states: new InMemoryIssuerStateStore(),
        keyRing: KeyRing.parse(KeyRing.generate('test')),
        http,
        dns: new DnsLookup({ servers: [pebble.dnsServer] }),
      },
    );
  }, 180_000);
  afterAll(async () => {
    await issuer?.close();
    await proxy?.stop();
    await pebble?.stop();
    await challengeServer?.stop();
  });

  async function issue(replaces?: string) {
    const names = ['ari.example.test'];
    const { csr } = await createKeyAndRequest(names, 'ec-p256');
    const { chain, replaced } = await issuer.issue({
      names,
      csr,
      replaces,
      signal: AbortSignal.timeout(60_000),
    });
    return { replaced, ariId: readChain(chain).ariId! };
  }
  const newOrders = () =>
    proxy.seen.filter(({ path }) => path === '/order-plz').map(({ replaces }) => replaces);

  it('asks by the id of the certificate, and keeps window, reason and when to ask again', async () => {
    const { ariId } = await issue();
    proxy.state.window = { start: '2030-01-02T04:00:00Z', end: '2030-01-03T04:00:00Z' };
    const asked = Date.now();
    const info = await issuer.renewalInfo(ariId, AbortSignal.timeout(30_000));
    expect(info).toMatchObject({
      start: new Date('2030-01-02T04:00:00Z'),
      end: new Date('2030-01-03T04:00:00Z'),
      explanationUrl: 'https://ca.test/why',
    });
    expect(info!.pollAt.getTime() - asked).toBeGreaterThanOrEqual(6 * 3_600_000);
    expect(proxy.seen.at(-1)).toEqual({ path: `/renewal-info/${ariId}` });
  }, 180_000);

  it('has no opinion where the CA does not know the certificate, and fails for a window that makes no sense', async () => {
    proxy.state.window = undefined;
    expect(await issuer.renewalInfo('a.b', AbortSignal.timeout(30_000))).toBeUndefined();
    proxy.state.window = { start: '2030-01-03T04:00:00Z', end: '2030-01-02T04:00:00Z' };
    await expect(issuer.renewalInfo('a.b', AbortSignal.timeout(30_000))).rejects.toMatchObject({
      fault: 'unavailable',
    });
  }, 180_000);

  it('says what an order replaces', async () => {
    const { ariId } = await issue();
    proxy.seen.length = 0;
    expect(await issue(ariId)).toMatchObject({ replaced: true });
    expect(newOrders()).toContain(ariId);
  }, 180_000);

  it.each(['alreadyReplaced', 'conflict', 'malformed'])(
    'sends an order again without what it replaces when that is refused as %s',
    async (kind) => {
      const { ariId } = await issue();
      proxy.state.refuse = kind;
      proxy.seen.length = 0;
      expect(await issue(ariId)).toMatchObject({ replaced: false });
      expect(newOrders()[0]).toBe(ariId);
      expect(newOrders().at(-1)).toBeUndefined();
    },
    60_000,
  );
});
