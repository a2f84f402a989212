import assert from 'node:assert/strict';
import { type ContractCase } from '../../../core/testing/contract-case.js';
import { checkIssued } from '../x509/check-issued.js';
import { createKeyAndRequest, type KeyType } from '../x509/key-pair.js';
import { type CertificateIssuer } from './certificate-issuer.js';

/** An issuer whose CA can see that the names are ours. */
export interface IssuerUnderTest {
  issuer: CertificateIssuer;
  /** A host name that it can issue for; another one each time. */
  hostName(): string;
  /** Whether it can issue for wildcards. Default true. */
  wildcards?: boolean;
  /** Milliseconds since the epoch; default the machine's clock. */
  now?(): number;
}

/** What every `CertificateIssuer` keeps. */
export function certificateIssuerContract(setup: () => IssuerUnderTest): ContractCase[] {
  async function issueFor(names: string[], type: KeyType = 'ec-p256', more: { replaces?: string } = {}) {
    const { issuer, now = Date.now } = setup();
    const sorted = names.toSorted();
    const { privateKey, csr } = await createKeyAndRequest(sorted, type);
    const signal = AbortSignal.timeout(60_000);
    const { chain } = await issuer.issue({ names: sorted, csr, signal, ...more });
    const clockSkew = 3_600_000;
    return checkIssued(chain, { names: sorted, privateKey, now: now(), clockSkew, roots: issuer.roots });
  }

  const cases: ContractCase[] = [
    {
      name: 'issues for one name: complete chain, that name, that key, valid now',
      run: async () => {
        const { notBefore, notAfter, certificates } = await issueFor([setup().hostName()]);
        assert.ok(notAfter > notBefore);
        assert.ok(certificates.length > 1, 'the chain comes with it');
      },
    },
    {
      name: 'issues for several names',
      run: async () => {
        const { hostName } = setup();
        const names = [hostName(), hostName(), hostName()].sort();
        assert.deepEqual((await issueFor(names)).names, names);
      },
    },
    {
      name: 'names the key of its issuer, so that the certificate has an ARI id',
      run: async () => {
        assert.match((await issueFor([setup().hostName()])).ariId ?? '', /^[\w-]+\.[\w-]+$/);
      },
    },
    {
      name: 'issues again for the same names, another certificate, also when it is to replace the first',
      run: async () => {
        const names = [setup().hostName()];
        const first = await issueFor(names);
        const second = await issueFor(names, 'ec-p256', { replaces: first.ariId });
        assert.notEqual(second.serialNumber, first.serialNumber);
      },
    },
    {
      name: 'certifies RSA keys as well',
      run: async () => {
        await issueFor([setup().hostName()], 'rsa-2048');
      },
    },
    {
      name: 'issues side by side',
      run: async () => {
        const { hostName } = setup();
        const serials = await Promise.all(
          Array.from({ length: 5 }, async () => (await issueFor([hostName()])).serialNumber),
        );
        assert.equal(new Set(serials).size, 5);
      },
    },
    {
      name: 'stops when its signal has aborted, with the reason',
      run: async () => {
        const { issuer, hostName } = setup();
        const names = [hostName()];
        const { csr } = await createKeyAndRequest(names, 'ec-p256');
        const reason = new Error('shutting down');
        await assert.rejects(
          issuer.issue({ names, csr, signal: AbortSignal.abort(reason) }),
          (error) => error === reason,
        );
      },
    },
    {
      name: 'issues for a wildcard beside the name above it, unless it cannot',
      run: async () => {
        if (setup().wildcards === false) return;
        const name = setup().hostName();
        await issueFor([name, `*.${name}`]);
      },
    },
  ];
  return cases;
}
