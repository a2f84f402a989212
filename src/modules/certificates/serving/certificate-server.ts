import { createSecureContext, type SecureContext } from 'node:tls';
import { type Clock } from '../../../core/timing/clock.js';
import { certificatePurpose } from '../certificate.js';
import { type CertificateStore } from '../certificate.store.js';
import { type KeyRing } from '../keys/key-ring.js';
import { normalizeName } from '../names.js';

/** The callback of `https.createServer({ SNICallback })`. */
export type SniCallback = (
  servername: string,
  callback: (error: Error | null, context?: SecureContext) => void,
) => void;

export interface CertificateServerOptions {
  /** Milliseconds after which a new certificate is served at the latest. Default 5000. */
  refresh?: number | undefined;
  /** Served to clients that ask for a name without a certificate, or for no name. Default none. */
  fallback?: string | undefined;
  /** Most host names that are cached, including those without a certificate. Default 10,000. */
  limit?: number | undefined;
}

interface Remembered {
  /** Which certificate it was made of. */
  version: string;
  context: SecureContext | undefined;
  until: number;
  /** The look at the store that is under way. */
  loading?: Promise<SecureContext | undefined>;
}

/**
 * Serves what the renewer has renewed, without a restart: `https.createServer({ SNICallback: server.sniCallback() })`.
 * A certificate is looked up again every few seconds; when the store is away, the last one is served on.
 */
export class CertificateServer {
  private readonly remembered = new Map<string, Remembered>();

  constructor(
    private readonly certificates: CertificateStore,
    private readonly keyRing: KeyRing,
    private readonly clock: Clock,
  ) {}

  sniCallback({ refresh = 5_000, fallback, limit = 10_000 }: CertificateServerOptions = {}): SniCallback {
    return (servername, callback) => {
      this.context(servername, refresh, limit)
        .then((context) => context ?? (fallback ? this.context(fallback, refresh, limit) : undefined))
        .then(
          (context) => callback(null, context),
          (error: Error) => callback(error),
        );
    };
  }

  /** Undefined when there is no certificate for the host name. */
  async context(hostname: string, refresh = 5_000, limit = 10_000): Promise<SecureContext | undefined> {
    const name = normalizeName(hostname);
    if (name === undefined) return undefined;
    const known = this.remembered.get(name);
    const now = this.clock.monotonic();
    if (known && known.until > now) return known.context;
    // Who comes while the store is asked gets what was served until now.
    if (known?.loading) return known.context ?? known.loading;
    const entry: Remembered = known ?? { version: '', context: undefined, until: 0 };
    this.remember(name, entry, limit);
    entry.loading = this.load(name, entry)
      .catch((error: unknown) => {
        if (entry.context) return entry.context;
        this.remembered.delete(name);
        throw error;
      })
      .finally(() => {
        entry.until = this.clock.monotonic() + refresh;
        entry.loading = undefined;
      });
    return entry.loading;
  }

  private async load(name: string, entry: Remembered): Promise<SecureContext | undefined> {
    const active = await this.certificates.active(name);
    const version = active ? `${active.id}/${active.version}` : '';
    if (version === entry.version) return entry.context;
    entry.context =
      active &&
      createSecureContext({
        cert: active.chain,
        key: this.keyRing.open(active.sealedKey, certificatePurpose(active.id)),
      });
    entry.version = version;
    return entry.context;
  }

  /** The one that was asked for longest ago is forgotten first. */
  private remember(name: string, entry: Remembered, limit: number): void {
    this.remembered.delete(name);
    this.remembered.set(name, entry);
    if (this.remembered.size > limit) this.remembered.delete(this.remembered.keys().next().value!);
  }
}
