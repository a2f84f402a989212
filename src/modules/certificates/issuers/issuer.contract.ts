import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../../core/testing/contract-case.js';
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

  return contract(setup, {
    'issues for one name: complete chain, that name, that key, valid now': async ({ hostName }) => {
      const { notBefore, notAfter, certificates } = await issueFor([hostName()]);
      assert.ok(notAfter > notBefore);
      assert.ok(certificates.length > 1, 'the chain comes with it');
    },
    'issues for several names': async ({ hostName }) => {
      const names = [hostName(), hostName(), hostName()].sort();
      assert.deepEqual((await issueFor(names)).names, names);
    },
    'names the key of its issuer, so that the certificate has an ARI id': async ({ hostName }) => {
      assert.match((await issueFor([hostName()])).ariId ?? '', /^[\w-]+\.[\w-]+$/);
    },
    'issues again for the same names, another certificate, also when it is to replace the first': async ({
      hostName,
    }) => {
      const names = [hostName()];
      const first = await issueFor(names);
      const second = await issueFor(names, 'ec-p256', { replaces: first.ariId });
      assert.notEqual(second.serialNumber, first.serialNumber);
    },
    'certifies RSA keys as well': async ({ hostName }) => {
      await issueFor([hostName()], 'rsa-2048');
    },
    'issues side by side': async ({ hostName }) => {
      const serials = await Promise.all(
        Array.from({ length: 5 }, async () => (await issueFor([hostName()])).serialNumber),
      );
      assert.equal(new Set(serials).size, 5);
    },
    'stops when its signal has aborted, with the reason': async ({ issuer, hostName }) => {
      const names = [hostName()];
      const { csr } = await createKeyAndRequest(names, 'ec-p256');
      const reason = new Error('shutting down');
      await assert.rejects(
        issuer.issue({ names, csr, signal: AbortSignal.abort(reason) }),
        (error) => error === reason,
      );
    },
    'issues for a wildcard beside the name above it, unless it cannot': async ({ wildcards, hostName }) => {
      if (wildcards === false) return;
      const name = hostName();
      await issueFor([name, `*.${name}`]);
    },
  });
}
