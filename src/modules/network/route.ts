import { type DomainId, type RouteId, type TenantId, type WorkloadId } from '../ids/typed-id.js';

export const ROUTE_PROTOCOLS = ['http', 'https', 'h2c', 'tcp'] as const;

export type RouteProtocol = (typeof ROUTE_PROTOCOLS)[number];

/** Where requests for a path of a domain go. */
export interface Route {
  id: RouteId;
  tenantId: TenantId;
  domainId: DomainId;
  /** Begins with a slash; the longest that fits counts. */
  path: string;
  workloadId: WorkloadId;
  /** Of the workload's instances. */
  port: number;
  protocol: RouteProtocol;
  /** Share among the routes of the same path, 0 to 1000. */
  weight: number;
  /** Whether the path is cut off before the request is passed on. */
  stripPrefix: boolean;
  createdAt: Date;
  updatedAt: Date;
}
