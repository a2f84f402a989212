export { type CertificateView, certificateView } from './certificate-view.js';
export { UnknownCertificateError } from './certificate.errors.js';
export { type Certificate, type CertificateStage, type IssuedSummary } from './certificate.js';
export {
  type CertificateClaim,
  type CertificateQuery,
  CertificateStore,
  type Settled,
} from './certificate.store.js';
export { DnsProvider, type TxtRecord } from './challenges/dns-provider.js';
export { HttpChallengeStore } from './challenges/http-challenge.store.js';
export {
  DnsWebhookError,
  type WebhookDnsOptions,
  WebhookDnsProvider,
} from './challenges/webhook-dns.provider.js';
export { AcmeIssuer } from './issuers/acme/acme.issuer.js';
export { type AcmeIssuerOptions, type ChallengeType } from './issuers/acme/acme.options.js';
export {
  CertificateIssuer,
  type Issuance,
  type IssuanceRequest,
  type RenewalInfo,
} from './issuers/certificate-issuer.js';
export { type IssuerState, IssuerStateStore } from './issuers/issuer-state.store.js';
export {
  InvalidIssuersError,
  IssuerError,
  type IssuerErrorDetails,
  type IssuerFault,
} from './issuers/issuer.errors.js';
export { Issuers } from './issuers/issuers.js';
export { type LocalCaOptions, LocalCaIssuer } from './issuers/local-ca/local-ca.issuer.js';
export * from './keys/key-ring.errors.js';
export { type EncryptionKey, KeyRing, type Sealed } from './keys/key-ring.js';
export { type Rotation, rotateKeys } from './keys/rotate-keys.js';
export { type Admission, IssuanceLimiter } from './limits/issuance-limiter.js';
export { type IssuanceLimits, LETS_ENCRYPT_LIMITS, type Limit } from './limits/issuance-limits.js';
export {
  CertificateServer,
  type CertificateServerOptions,
  type SniCallback,
} from './serving/certificate-server.js';
export { UnusableCertificateError } from './x509/check-issued.js';
export { type KeyType } from './x509/key-pair.js';
