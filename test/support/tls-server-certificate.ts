import { createAuthority, signServerCertificate } from '../../src/modules/certificates/x509/authority.js';
import { exportPrivateKey, generateKeyPair } from '../../src/modules/certificates/x509/key-pair.js';

/** A certificate for a server of a test, and the root that its clients have to trust. All PEM. */
export interface TestTlsCertificate {
  certificate: string;
  privateKey: string;
  root: string;
}

export async function testTlsCertificate(names: readonly string[]): Promise<TestTlsCertificate> {
  const validity = {
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
  };
  const root = await createAuthority('test root', await generateKeyPair('ec-p256'), validity, 1);
  const keys = await generateKeyPair('ec-p256');
  const certificate = await signServerCertificate(root, names, keys.publicKey, validity);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: await exportPrivateKey(keys.privateKey),
    root: root.certificate.toString('pem'),
  };
}
