import { generateKeyPairSync } from 'node:crypto';
import acme from 'acme-client';
import { type KeyRing } from '../../keys/key-ring.js';
import { type IssuerState, type IssuerStateStore, issuerPurpose } from '../issuer-state.store.js';
import { AcmeProblem } from './acme-problem.js';
import { type AcmeIssuerSettings } from './acme.options.js';

/** What the CA answers when the account no longer exists. */
const GONE = /deactivated|revoked/i;

/**
 * The account with the CA: its key is made once, and kept sealed; the CA gives the same account for the same key, so
 * that a crash between the two leaves nothing behind.
 */
export class AcmeAccount {
  constructor(
    private readonly settings: AcmeIssuerSettings,
    private readonly states: IssuerStateStore,
    private readonly keyRing: KeyRing,
  ) {}

  /** A client that acts as the account, which is registered if it is not yet. Call it inside `AcmeTransport.run`. */
  async client(): Promise<acme.Client> {
    const state =
      (await this.states.find(this.settings.name, this.part)) ??
      (await this.states.keepFirst(this.settings.name, this.part, this.newState()));
    const client = this.clientFor(state);
    if (!state.data.accountUrl) await this.register(client, state);
    return client;
  }

  /** Registers again after the CA has forgotten the account, and with another key after it has ended it. */
  async renew(problem: AcmeProblem): Promise<acme.Client> {
    const state = await this.states.find(this.settings.name, this.part);
    if (!state) return this.client();
    const ended = GONE.test(problem.message);
    const next = ended ? this.newState() : { ...state, data: {} };
    const client = this.clientFor(next);
    await this.register(client, next, state);
    return client;
  }

  /** One for each directory: an account of a staging environment is none of the real one. */
  private get part(): string {
    return `account ${this.settings.directoryUrl}`;
  }

  private newState(): IssuerState {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { data: {}, sealed: this.keyRing.seal(pem, issuerPurpose(this.settings.name, this.part)) };
  }

  private clientFor({ data, sealed }: IssuerState): acme.Client {
    const { name, directoryUrl, externalAccountBinding: binding } = this.settings;
    return new acme.Client({
      directoryUrl,
      accountKey: this.keyRing.open(sealed, issuerPurpose(name, this.part)),
      accountUrl: data.accountUrl as string | undefined,
      externalAccountBinding: binding && { kid: binding.keyId, hmacKey: binding.hmacKey },
    });
  }

  private async register(client: acme.Client, state: IssuerState, was = state): Promise<void> {
    try {
      await client.createAccount({
        termsOfServiceAgreed: true,
        ...(this.settings.contactEmails?.length && {
          contact: this.settings.contactEmails.map((email) => `mailto:${email}`),
        }),
      });
    } catch (error) {
      // acme-client updates an account that it finds, which some CAs refuse: it was found all the same.
      if (!(error instanceof AcmeProblem) || !hasAccount(client)) throw error;
    }
    await this.states.replace(this.settings.name, this.part, was.sealed, {
      data: { accountUrl: client.getAccountUrl() },
      sealed: state.sealed,
    });
  }
}

function hasAccount(client: acme.Client): boolean {
  try {
    return client.getAccountUrl() !== '';
  } catch {
    return false;
  }
}
