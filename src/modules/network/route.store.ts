import { type Page, type PageQuery } from '../database/page.js';
import { type DomainId, type RouteId, type TenantId } from '../ids/typed-id.js';
import { type Route } from './route.js';

export type NewRoute = Omit<Route, 'tenantId' | 'createdAt' | 'updatedAt'>;

/** What of a route may change. */
export type RouteChange = Partial<Pick<Route, 'port' | 'protocol' | 'weight' | 'stripPrefix'>>;

export interface RouteQuery extends PageQuery {
  domainId?: DomainId | undefined;
}

/** Where routes are kept. Every method refuses a malformed id with `InvalidIdError` before it looks. */
export abstract class RouteStore {
  /** @throws RouteTakenError */
  abstract insert(tenantId: TenantId, route: NewRoute): Promise<Route>;

  abstract find(tenantId: TenantId, id: RouteId): Promise<Route | undefined>;

  /** The tenant's, oldest first. */
  abstract list(tenantId: TenantId, query?: RouteQuery): Promise<Page<Route>>;

  /** @returns how it is then, or undefined when there is none */
  abstract update(tenantId: TenantId, id: RouteId, change: RouteChange): Promise<Route | undefined>;

  /** @returns whether this call removed it */
  abstract delete(tenantId: TenantId, id: RouteId): Promise<boolean>;

  abstract deleteOfDomain(tenantId: TenantId, domainId: DomainId): Promise<void>;
}
