import { TypeID, typeid } from 'typeid-js';
import { InvalidIdError } from './id.errors.js';

/** What each id prefix stands for. An id is a TypeID: `<prefix>_<26 characters of base32 UUIDv7>`. */
export const ID_PREFIXES = {
  tenant: 'ten',
  workload: 'wkl',
  instance: 'inst',
  datacenter: 'dc',
  event: 'evt',
  bootstrapService: 'bws',
  healthCheck: 'chk',
  healthResult: 'hres',
  maintenanceWindow: 'mnt',
  domain: 'dom',
  route: 'rte',
  certificate: 'cert',
  deployment: 'dep',
  release: 'rel',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/** The id of one kind of thing, such as `inst_01h455vb4pex5vsknk084sn02q`. */
export type Id<K extends IdKind> = `${(typeof ID_PREFIXES)[K]}_${string}`;

export type TenantId = Id<'tenant'>;
export type WorkloadId = Id<'workload'>;
export type InstanceId = Id<'instance'>;
export type DatacenterId = Id<'datacenter'>;
export type EventId = Id<'event'>;
export type BootstrapServiceId = Id<'bootstrapService'>;
export type HealthCheckId = Id<'healthCheck'>;
export type HealthResultId = Id<'healthResult'>;
export type MaintenanceWindowId = Id<'maintenanceWindow'>;
export type DomainId = Id<'domain'>;
export type RouteId = Id<'route'>;
export type CertificateId = Id<'certificate'>;
export type DeploymentId = Id<'deployment'>;
export type ReleaseId = Id<'release'>;

/** A new id; ids of one process sort in the order in which they were made (UUIDv7). */
export function newId<K extends IdKind>(kind: K): Id<K> {
  return typeid(ID_PREFIXES[kind]).toString() as Id<K>;
}

/**
 * The given value as an id of that kind.
 * @throws InvalidIdError when it is not one; a malformed id must never reach a query.
 */
export function parseId<K extends IdKind>(kind: K, value: unknown): Id<K> {
  if (!isId(kind, value)) throw new InvalidIdError(kind, ID_PREFIXES[kind], value);
  return value;
}

/** The same of a value that may be left out. @throws InvalidIdError */
export function parseOptionalId<K extends IdKind>(kind: K, value: unknown): Id<K> | undefined {
  return value === undefined ? undefined : parseId(kind, value);
}

/** Whether the value is a well-formed id of that kind; says nothing of whether the thing exists. */
export function isId<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  if (typeof value !== 'string') return false;
  try {
    return TypeID.fromString(value, ID_PREFIXES[kind]).toString() === value;
  } catch {
    return false;
  }
}
