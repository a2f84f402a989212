import { describe, expect, it } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { KeyRing } from '../../keys/key-ring.js';
import { readChain } from '../../x509/chain.js';
import { createKeyAndRequest } from '../../x509/key-pair.js';
import { InMemoryIssuerStateStore } from '../in-memory-issuer-state.store.js';
import { certificateIssuerContract } from '../issuer.contract.js';
import { LocalCaIssuer } from './local-ca.issuer.js';

describe('LocalCaIssuer', () => {
  const ring = KeyRing.parse(KeyRing.generate('test'));
  let number = 0;
  const issuer = new LocalCaIssuer(new InMemoryIssuerStateStore(), ring);
  const contract = certificateIssuerContract(() => ({
    issuer,
    hostName: () => `host-${++number}.example.test`,
  }));
  for (const { name, run } of contract) it(name, run);

  const issue = async (ca: LocalCaIssuer, name = 'a.example.test') => {
    const { csr } = await createKeyAndRequest([name], 'ec-p256');
    return readChain((await ca.issue({ names: [name], csr, signal: AbortSignal.timeout(10_000) })).chain);
  };

  it('keeps its root: what another process issues leads to the same, and two that start together make one', async () => {
    const states = new InMemoryIssuerStateStore();
    const [a, b] = [new LocalCaIssuer(states, ring), new LocalCaIssuer(states, ring)];
    const [rootA, rootB] = await Promise.all([a.rootCertificate(), b.rootCertificate()]);
    expect(rootA).toBe(rootB);
    const root = new X509Certificate(rootA);
    for (const ca of [a, b, new LocalCaIssuer(states, ring)]) {
      const { certificates } = await issue(ca);
      expect(certificates.at(-1)!.verify(root.publicKey)).toBe(true);
    }
  });

  it('keeps no key in clear text', async () => {
    const states = new InMemoryIssuerStateStore();
    await new LocalCaIssuer(states, ring).prepare();
    expect(JSON.stringify(await states.list())).not.toContain('PRIVATE KEY');
  });

  it('issues for as long as it was told', async () => {
    const { notBefore, notAfter } = await issue(
      new LocalCaIssuer(new InMemoryIssuerStateStore(), ring, { lifetime: '1h' }),
    );
    expect(notAfter.getTime() - Date.now()).toBeLessThanOrEqual(3_600_000);
    expect(notBefore.getTime()).toBeLessThan(Date.now());
  });

  it('issues for IP addresses', async () => {
    expect((await issue(issuer, '192.0.2.7')).names).toEqual(['192.0.2.7']);
    expect((await issue(issuer, '2001:db8::1')).names).toEqual(['2001:db8::1']);
  });
});
