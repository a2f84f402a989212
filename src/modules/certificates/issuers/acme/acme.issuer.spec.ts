import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { startChallengeServer } from '../../../../../test/support/challenge-server.js';
import { describeWith } from '../../../../../test/support/needs.js';
import { type Pebble, startPebble } from '../../../../../test/support/pebble.js';
import { temporaryDirectories } from '../../../../../test/support/temporary-directory.js';
import { DnsLookup } from '../../../dns/dns-lookup.js';
import { InMemoryHttpChallengeStore } from '../../challenges/in-memory-http-challenge.store.js';
import { WebhookDnsProvider } from '../../challenges/webhook-dns.provider.js';
import { KeyRing } from '../../keys/key-ring.js';
import { checkIssued } from '../../x509/check-issued.js';
import { createKeyAndRequest } from '../../x509/key-pair.js';
import { InMemoryIssuerStateStore } from '../in-memory-issuer-state.store.js';
import { certificateIssuerContract } from '../issuer.contract.js';
import { IssuerError } from '../issuer.errors.js';
import { AcmeIssuer } from './acme.issuer.js';
import { type AcmeIssuerOptions } from './acme.options.js';

describeWith('pebble', 'AcmeIssuer against Pebble', () => {
  const directory = temporaryDirectories(afterAll);
  const ring = KeyRing.parse(KeyRing.generate('test'));
  const http = new InMemoryHttpChallengeStore();
  const written: string[] = [];
  let challengeServer: Awaited<ReturnType<typeof startChallengeServer>>;
  let pebble: Pebble;
  let webhook: Awaited<ReturnType<typeof startWebhook>>;
  let dns: DnsLookup;
  const opened: AcmeIssuer[] = [];

  beforeAll(async () => {
    challengeServer = await startChallengeServer(http);
    pebble = await startPebble({ directory: await directory(), httpPort: challengeServer.port });
    webhook = await startWebhook();
    dns = new DnsLookup({ servers: [pebble.dnsServer] });
  }, 180_000);
  afterAll(async () => {
    for (const issuer of opened) await issuer.close();
    await pebble?.stop();
    await challengeServer?.stop();
    await webhook?.stop();
  });

  /** A DNS provider's webhook, which writes into Pebble's DNS. */
  async function startWebhook() {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { action, name, value } = JSON.parse(body) as Record<string, string>;
        written.push(`${action} ${name}`);
        const done =
          action === 'present' ? pebble.dns('set-txt', { host: `${name}.`, value }) : Promise.resolve();
        void done.then(() => response.end());
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      stop: async () => {
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      },
    };
  }

  function open(
    more: Partial<AcmeIssuerOptions> = {},
    states = new InMemoryIssuerStateStore(),
    to = pebble,
  ): AcmeIssuer {
    const issuer = new AcmeIssuer(
      {
        name: 'pebble',
        directoryUrl: to.directoryUrl,
        termsOfServiceAgreed: true,
        trust: to.trust,
        ...more,
      },
      { states, keyRing: ring, http, dns },
    );
    opened.push(issuer);
    return issuer;
  }

  let number = 0;
  const hostName = () => `host-${++number}.example.test`;
  let underTest: AcmeIssuer | undefined;
  const contract = certificateIssuerContract(() => ({
    issuer: (underTest ??= open({ dns: new WebhookDnsProvider({ url: webhook.url }) })),
    hostName,
  }));
  for (const { name, run } of contract) it(name, run, 180_000);

  async function issue(issuer: AcmeIssuer, names: string[], signal = AbortSignal.timeout(30_000)) {
    const sorted = names.toSorted();
    const { csr, privateKey } = await createKeyAndRequest(sorted, 'ec-p256');
    const { chain } = await issuer.issue({ names: sorted, csr, signal });
    const roots = [await pebble.root()];
    return checkIssued(chain, { names: sorted, privateKey, now: Date.now(), clockSkew: 60_000, roots });
  }
  const failure = async (issuing: Promise<unknown>): Promise<IssuerError> => {
    const error: unknown = await issuing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(IssuerError);
    return error as IssuerError;
  };

  it('proves a wildcard by DNS-01, also where a CNAME delegates the record, and takes the record away', async () => {
    const name = hostName();
    await pebble.dns('set-cname', { host: `_acme-challenge.${name}.`, target: `${name}.delegated.test.` });
    written.length = 0;
    await issue(open({ dns: new WebhookDnsProvider({ url: webhook.url }) }), [`*.${name}`]);
    expect(written).toEqual([`present ${name}.delegated.test`, `cleanUp ${name}.delegated.test`]);
  });

  it('says of a wildcard without a DNS provider what it needs', async () => {
    const error = await failure(issue(open(), ['*.wild.example.test']));
    expect(error).toMatchObject({ fault: 'rejected' });
    expect(error.message).toContain('*.wild.example.test can be proven by dns-01');
    expect(error.message).toContain('a wildcard needs DNS-01, and there is no DNS provider');
  });

  it('gives the CA’s own words for a name that could not be proven, and which name it is', async () => {
    const name = hostName();
    await pebble.dns('add-a', { host: `${name}.`, addresses: ['127.0.0.2'] });
    const error = await failure(issue(open(), [name]));
    expect(error).toMatchObject({ fault: 'validation', failedNames: [name], issuer: 'pebble' });
    expect(error.message).toMatch(/connection|connect/);
  });

  it('issues for IP addresses, alone and beside names', async () => {
    const { names } = await issue(open(), ['127.0.0.1']);
    expect(names).toEqual(['127.0.0.1']);
    const mixed = ['127.0.0.1', hostName()];
    expect((await issue(open(), mixed)).names).toEqual(mixed.toSorted());
  });

  it('says of a name that the CA refuses that it is rejected', async () => {
    expect(await failure(issue(open(), ['not-a-tld.blocked-domain.example']))).toMatchObject({
      fault: 'rejected',
    });
  });

  it('keeps its account: another process uses the same, and no key is stored in clear text', async () => {
    const states = new InMemoryIssuerStateStore();
    await issue(open({}, states), [hostName()]);
    const [{ data, sealed }] = (await states.list()) as [Awaited<ReturnType<typeof states.list>>[number]];
    expect(data.accountUrl).toMatch(/^https:/);
    await issue(open({}, states), [hostName()]);
    const [after] = await states.list();
    expect(after).toMatchObject({ data, sealed });
    expect(JSON.stringify(after)).not.toContain('PRIVATE KEY');
  });

  it('registers again where the CA has forgotten the account', async () => {
    const states = new InMemoryIssuerStateStore();
    await issue(open({}, states), [hostName()]);
    const [{ issuer, part, sealed, data }] = (await states.list()) as [
      Awaited<ReturnType<typeof states.list>>[number],
    ];
    const accountUrl = String(data.accountUrl).replace(/[^/]+$/, 'unknown');
    await states.replace(issuer, part, sealed, { sealed, data: { accountUrl } });
    await issue(open({}, states), [hostName()]);
    expect((await states.list())[0]!.data.accountUrl).not.toBe(accountUrl);
  });

  it('is unavailable when the CA cannot be reached, and when its answer does not come', async () => {
    const gone = open({ directoryUrl: 'https://127.0.0.1:1/dir' });
    expect(await failure(issue(gone, [hostName()]))).toMatchObject({ fault: 'unavailable' });
    const untrusted = open({ trust: undefined });
    expect(await failure(issue(untrusted, [hostName()]))).toMatchObject({ fault: 'unavailable' });
  });

  it('refuses a profile that the CA does not have', async () => {
    const error = await failure(issue(open({ profile: 'shortlived' }), [hostName()]));
    expect(error.message).toBe('the CA has no profile "shortlived": it has none');
  });

  it('binds an external account, and repeats its secret nowhere', async () => {
    const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
    const own = await startPebble({
      directory: await directory(),
      httpPort: challengeServer.port,
      externalAccounts: { 'kid-1': hmacKey },
    });
    try {
      dns = new DnsLookup({ servers: [own.dnsServer] });
      const without = await failure(open({}, undefined, own).prepare(AbortSignal.timeout(10_000)));
      expect(without).toMatchObject({ fault: 'account' });
      await open({ externalAccountBinding: { keyId: 'kid-1', hmacKey } }, undefined, own).prepare(
        AbortSignal.timeout(10_000),
      );
      const wrong = await failure(
        open({ externalAccountBinding: { keyId: 'kid-2', hmacKey } }, undefined, own).prepare(
          AbortSignal.timeout(10_000),
        ),
      );
      expect(wrong.message).not.toContain(hmacKey);
    } finally {
      await own.stop();
    }
  }, 180_000);
});
