export { InvalidIdError } from './id.errors.js';
export {
  type CertificateId,
  type DatacenterId,
  type DomainId,
  type EventId,
  type Id,
  type IdKind,
  ID_PREFIXES,
  type InstanceId,
  type HealthCheckId,
  isId,
  type MaintenanceWindowId,
  newId,
  parseId,
  type RouteId,
  type TenantId,
  type WorkloadId,
} from './typed-id.js';
