import { Module } from '@nestjs/common';
import { CertificateStore } from './certificate.store.js';
import { HttpChallengeStore } from './challenges/http-challenge.store.js';
import { PostgresHttpChallengeStore } from './challenges/postgres-http-challenge.store.js';
import { IssuerStateStore } from './issuers/issuer-state.store.js';
import { PostgresIssuerStateStore } from './issuers/postgres-issuer-state.store.js';
import { IssuanceLimiter } from './limits/issuance-limiter.js';
import { PostgresIssuanceLimiter } from './limits/postgres-issuance-limiter.js';
import { PostgresCertificateStore } from './postgres-certificate.store.js';

/** Where certificates and what goes with them are kept. Needs the `DatabaseModule`. */
@Module({
  providers: [
    { provide: CertificateStore, useClass: PostgresCertificateStore },
    { provide: HttpChallengeStore, useClass: PostgresHttpChallengeStore },
    { provide: IssuerStateStore, useClass: PostgresIssuerStateStore },
    { provide: IssuanceLimiter, useClass: PostgresIssuanceLimiter },
  ],
  exports: [CertificateStore, HttpChallengeStore, IssuerStateStore, IssuanceLimiter],
})
export class CertificateStoreModule {}
