import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { type Clock, SystemClock } from '../../../../core/timing/clock.js';
import { type Duration, parseDuration } from '../../../../core/timing/duration.js';
import { type KeyRing } from '../../keys/key-ring.js';
import { type Authority, createAuthority, signServerCertificate } from '../../x509/authority.js';
import { exportPrivateKey, generateKeyPair, importSigningKey, webCrypto } from '../../x509/key-pair.js';
import { CertificateIssuer, type Issuance, type IssuanceRequest } from '../certificate-issuer.js';
import { IssuerError } from '../issuer.errors.js';
import { type IssuerStateStore, issuerPurpose } from '../issuer-state.store.js';

export interface LocalCaOptions {
  /** Default `local`. */
  name?: string | undefined;
  /** What the root is called where people trust it. Default `ctrlplane-workers local CA`. */
  commonName?: string | undefined;
  /** How long its certificates are valid. Default 7 d. */
  lifetime?: Duration | undefined;
}

const DAY = 86_400_000;
const ROOT_LIFETIME = 3_650 * DAY;
const INTERMEDIATE_LIFETIME = 1_825 * DAY;
/** Issued certificates begin a little before now: clients' clocks differ. */
const BACKDATED = 300_000;

const PART = 'authority';

interface Kept {
  /** PEM of the root. */
  root: string;
  /** PEM of the intermediate, which signs. */
  intermediate: string;
}

/**
 * A CA of one's own, for development and internal names: whoever trusts its root (`rootCertificate`) trusts what it
 * issues. Root and intermediate are made once and kept. The root's key is used once, to sign the intermediate, and
 * kept nowhere: so nobody can take it, and after the intermediate's five years the CA has to be made anew.
 */
export class LocalCaIssuer extends CertificateIssuer {
  readonly name: string;
  readonly limits = undefined;
  readonly roots = undefined;
  override readonly validatesNames = false;
  private readonly commonName: string;
  private readonly lifetime: number;
  private authority?: Promise<Authority & { kept: Kept }>;

  /** @throws InvalidDurationError */
  constructor(
    private readonly states: IssuerStateStore,
    private readonly keyRing: KeyRing,
    { name = 'local', commonName = 'ctrlplane-workers local CA', lifetime = '7d' }: LocalCaOptions = {},
    private readonly clock: Clock = new SystemClock(),
  ) {
    super();
    this.name = name;
    this.commonName = commonName;
    this.lifetime = parseDuration(lifetime);
  }

  override async prepare(): Promise<void> {
    await this.open();
  }

  /** PEM of the root: clients that trust this CA need it. */
  async rootCertificate(): Promise<string> {
    return (await this.open()).kept.root;
  }

  async issue({ names, csr, signal }: IssuanceRequest): Promise<Issuance> {
    const { kept, ...authority } = await this.open();
    const request = new x509.Pkcs10CertificateRequest(csr);
    if (!(await request.verify(webCrypto)))
      throw new IssuerError(this.name, 'rejected', 'the request is not signed by its own key');
    signal.throwIfAborted();
    const now = this.clock.now();
    const end = Math.min(now + this.lifetime, authority.certificate.notAfter.getTime());
    if (end <= now) throw new IssuerError(this.name, 'unavailable', 'the intermediate certificate has ended');
    const certificate = await signServerCertificate(authority, names, request.publicKey, {
      notBefore: new Date(now - BACKDATED),
      notAfter: new Date(end),
    });
    return { chain: `${certificate.toString('pem')}\n${kept.intermediate}\n`, replaced: false };
  }

  /** What is kept, or made now; asked again after a failure. */
  private open(): Promise<Authority & { kept: Kept }> {
    this.authority ??= this.load().catch((error: unknown) => {
      this.authority = undefined;
      throw error;
    });
    return this.authority;
  }

  private async load(): Promise<Authority & { kept: Kept }> {
    const purpose = issuerPurpose(this.name, PART);
    const found = await this.states.find(this.name, PART);
    const { data, sealed } = found ?? (await this.states.keepFirst(this.name, PART, await this.create()));
    const kept = data as unknown as Kept;
    const privateKey = await importSigningKey(this.keyRing.open(sealed, purpose));
    return { certificate: new x509.X509Certificate(kept.intermediate), keys: { privateKey }, kept };
  }

  private async create() {
    const now = this.clock.now();
    const until = (lifetime: number) => ({
      notBefore: new Date(now - BACKDATED),
      notAfter: new Date(now + lifetime),
    });
    const root = await createAuthority(
      `${this.commonName} root`,
      await generateKeyPair('ec-p256'),
      until(ROOT_LIFETIME),
      1,
    );
    const keys = await generateKeyPair('ec-p256');
    const { certificate } = await createAuthority(
      `${this.commonName} intermediate`,
      keys,
      until(INTERMEDIATE_LIFETIME),
      0,
      root,
    );
    const data = {
      root: root.certificate.toString('pem'),
      intermediate: certificate.toString('pem'),
    };
    const secret = await exportPrivateKey(keys.privateKey);
    return { data, sealed: this.keyRing.seal(secret, issuerPurpose(this.name, PART)) };
  }
}
