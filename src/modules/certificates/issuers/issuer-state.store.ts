import { type Sealed } from '../keys/key-ring.js';

/** What an issuer keeps in the database, such as its account or its root. */
export interface IssuerState {
  /** Not secret. */
  readonly data: Readonly<Record<string, unknown>>;
  /** A private key, sealed for the purpose `issuerPurpose(issuer, part)`. */
  readonly sealed: Sealed;
}

/** Where issuers keep their own keys: one state for each issuer and part. */
export abstract class IssuerStateStore {
  abstract find(issuer: string, part: string): Promise<IssuerState | undefined>;

  /**
   * Keeps the state unless there is one already, and gives the one that is kept: of two replicas that start together
   * both work with the same.
   */
  abstract keepFirst(issuer: string, part: string, state: IssuerState): Promise<IssuerState>;

  /** Puts another state in the place of the one with that secret. @returns false when it no longer was the one */
  abstract replace(issuer: string, part: string, was: Sealed, state: IssuerState): Promise<boolean>;

  /** Every state, for the rotation of the encryption keys. */
  abstract list(): Promise<(IssuerState & { issuer: string; part: string })[]>;
}

/** What the secret of a state is bound to. */
export function issuerPurpose(issuer: string, part: string): string {
  return `issuer/${issuer}/${part}`;
}
