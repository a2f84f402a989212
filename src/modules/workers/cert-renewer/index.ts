export { CertRenewerModule } from './cert-renewer.module.js';
export {
  acme,
  type CertRenewerOptions,
  type IssuerFactory,
  type IssuerParts,
  localCa,
} from './cert-renewer.options.js';
export { CertRenewer } from './cert-renewer.worker.js';
