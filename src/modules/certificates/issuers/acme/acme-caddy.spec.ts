import { afterAll, beforeAll, it } from '@jest/globals';
import { type Caddy, startCaddy } from '../../../../../test/support/caddy.js';
import { describeWith } from '../../../../../test/support/needs.js';
import { temporaryDirectories } from '../../../../../test/support/temporary-directory.js';
import { DnsLookup } from '../../../dns/dns-lookup.js';
import { type DnsProvider, type TxtRecord } from '../../challenges/dns-provider.js';
import { InMemoryHttpChallengeStore } from '../../challenges/in-memory-http-challenge.store.js';
import { KeyRing } from '../../keys/key-ring.js';
import { InMemoryIssuerStateStore } from '../in-memory-issuer-state.store.js';
import { certificateIssuerContract } from '../issuer.contract.js';
import { AcmeIssuer } from './acme.issuer.js';

// Another server, by other people, than the one that the rest is tested with.
describeWith('caddy', 'AcmeIssuer against Caddy', () => {
  const directory = temporaryDirectories(afterAll);
  const http = new InMemoryHttpChallengeStore();
  let caddy: Caddy;
  let issuer: AcmeIssuer;

  beforeAll(async () => {
    caddy = await startCaddy(await directory(), http);
    const provider: DnsProvider = {
      present: ({ name, value }: TxtRecord) => caddy.setTxt(name, value),
      cleanUp: async () => undefined,
    };
    issuer = new AcmeIssuer(
      {
        name: 'caddy',
        directoryUrl: caddy.directoryUrl,
        termsOfServiceAgreed: true,
        trust: caddy.root,
        roots: [caddy.root],
        dns: provider,
      },
      {
        states: new InMemoryIssuerStateStore(),
        keyRing: KeyRing.parse(KeyRing.generate('test')),
        http,
        dns: new DnsLookup({ servers: [caddy.dnsServer] }),
      },
    );
  }, 180_000);
  afterAll(async () => {
    await issuer?.close();
    await caddy?.stop();
  });

  let number = 0;
  const contract = certificateIssuerContract(() => ({
    issuer,
    hostName: () => `host-${++number}.example.test`,
  }));
  for (const { name, run } of contract) it(name, run, 180_000);
});
