import { type RenewalState } from '../certificate.js';
import { type CertificateIssuer } from './certificate-issuer.js';
import { InvalidIssuersError } from './issuer.errors.js';

/** The configured CAs, in the order of preference. */
export class Issuers {
  /** @throws InvalidIssuersError when there is none, or two of a name */
  constructor(readonly all: readonly CertificateIssuer[]) {
    if (all.length === 0) throw new InvalidIssuersError('there is none');
    const names = all.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined)
      throw new InvalidIssuersError(`there are two with the name "${twice}": give each a name of its own`);
  }

  /** The one whose turn it is. */
  inTurn({ issuerTurn }: RenewalState): CertificateIssuer {
    return this.all[issuerTurn % this.all.length]!;
  }

  named(name: string): CertificateIssuer | undefined {
    return this.all.find((issuer) => issuer.name === name);
  }
}
