import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { Clock, SystemClock } from '../../../core/timing/clock.js';
import { AuthModule } from '../../auth/auth.module.js';
import { CertificateStoreModule } from '../../certificates/certificate-store.module.js';
import { CertificateStore } from '../../certificates/certificate.store.js';
import { HttpChallengeStore } from '../../certificates/challenges/http-challenge.store.js';
import { IssuerStateStore } from '../../certificates/issuers/issuer-state.store.js';
import { Issuers } from '../../certificates/issuers/issuers.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { requireKeys } from '../../certificates/keys/rotate-keys.js';
import { AcmeChallengeController } from '../../certificates/serving/acme-challenge.controller.js';
import { CertificateServer } from '../../certificates/serving/certificate-server.js';
import { DnsLookup } from '../../dns/dns-lookup.js';
import { EventsModule } from '../../events/events.module.js';
import { CertFiles } from './cert-files.js';
import {
  CERT_RENEWER_OPTIONS,
  CERT_RENEWER_SETTINGS,
  type CertRenewerOptions,
  certRenewerSettings,
  ConfigurableModuleClass,
  type IssuerParts,
  localCa,
  type OPTIONS_TYPE,
} from './cert-renewer.options.js';
import { CertRenewer } from './cert-renewer.worker.js';

/**
 * The worker `cert_renewer`, and what serves its certificates (`CertificateServer`). Needs the `DatabaseModule`, the
 * `NetworkModule`, and `WorkerModule` to run it. Answers HTTP-01 at `/.well-known/acme-challenge/`.
 *
 * The start fails with `InvalidEncryptionKeysError`, `InvalidIssuersError`, or `MissingEncryptionKeyError` when stored
 * keys cannot be opened.
 */
@Module({
  imports: [AuthModule, EventsModule, CertificateStoreModule],
  controllers: [AcmeChallengeController],
  providers: [
    CertRenewer,
    CertFiles,
    {
      provide: CERT_RENEWER_SETTINGS,
      inject: [CERT_RENEWER_OPTIONS],
      useFactory: (options: CertRenewerOptions) => certRenewerSettings(options),
    },
    {
      provide: KeyRing,
      inject: [CERT_RENEWER_OPTIONS],
      useFactory: ({ encryptionKeys }: CertRenewerOptions) =>
        typeof encryptionKeys === 'string' ? KeyRing.parse(encryptionKeys) : new KeyRing(encryptionKeys),
    },
    {
      provide: Issuers,
      inject: [
        CERT_RENEWER_OPTIONS,
        IssuerStateStore,
        KeyRing,
        HttpChallengeStore,
        DnsLookup,
        { token: Clock, optional: true },
      ],
      useFactory: (
        { issuers = [localCa()] }: CertRenewerOptions,
        states: IssuerStateStore,
        keyRing: KeyRing,
        http: HttpChallengeStore,
        dns: DnsLookup,
        clock: Clock = new SystemClock(),
      ) => {
        const parts: IssuerParts = { states, keyRing, http, dns, clock };
        return new Issuers(issuers.map((issuer) => (typeof issuer === 'function' ? issuer(parts) : issuer)));
      },
    },
    {
      provide: CertificateServer,
      inject: [CertificateStore, KeyRing],
      useFactory: (certificates: CertificateStore, keyRing: KeyRing) =>
        new CertificateServer(certificates, keyRing, new SystemClock()),
    },
  ],
  exports: [CertificateServer, Issuers, CertificateStoreModule],
})
export class CertRenewerModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(
    private readonly keyRing: KeyRing,
    private readonly certificates: CertificateStore,
    private readonly issuerStates: IssuerStateStore,
  ) {
    super();
  }

  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return super.forRoot(options);
  }

  async onModuleInit(): Promise<void> {
    await requireKeys(this.keyRing, this.certificates, this.issuerStates);
  }
}
