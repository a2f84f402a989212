import { Injectable } from '@nestjs/common';
import { type Page } from '../database/page.js';
import { TenantRows } from '../database/tenant-rows.js';
import { Transactions } from '../database/transaction.js';
import { type DomainId, parseId, type RouteId, type TenantId } from '../ids/typed-id.js';
import { RouteTakenError } from './network.errors.js';
import { ROUTE_TARGET_KEY, RouteEntity } from './route.entity.js';
import { type Route } from './route.js';
import { type NewRoute, type RouteChange, type RouteQuery, RouteStore } from './route.store.js';

/** Routes on Postgres. */
@Injectable()
export class TypeOrmRouteStore extends RouteStore {
  private readonly rows: TenantRows<'route', RouteEntity, Route>;

  constructor(transactions: Transactions) {
    super();
    this.rows = new TenantRows(transactions, {
      entity: RouteEntity,
      kind: 'route',
      toItem: (row) => ({ ...row }),
    });
  }

  async insert(tenantId: TenantId, route: NewRoute): Promise<Route> {
    const row = {
      ...route,
      ...this.rows.key(tenantId, route.id),
      domainId: parseId('domain', route.domainId),
      workloadId: parseId('workload', route.workloadId),
    };
    return this.rows.insert(row, {
      [ROUTE_TARGET_KEY]: () => new RouteTakenError(route.path, route.workloadId),
    });
  }

  async find(tenantId: TenantId, id: RouteId): Promise<Route | undefined> {
    return this.rows.find(tenantId, id);
  }

  async list(tenantId: TenantId, { domainId, ...query }: RouteQuery = {}): Promise<Page<Route>> {
    return this.rows.list(tenantId, query, domainId ? { domainId: parseId('domain', domainId) } : {});
  }

  async update(tenantId: TenantId, id: RouteId, change: RouteChange): Promise<Route | undefined> {
    const where = this.rows.key(tenantId, id);
    return this.rows.change(where, { ...change, updatedAt: () => 'clock_timestamp()' });
  }

  async delete(tenantId: TenantId, id: RouteId): Promise<boolean> {
    return this.rows.delete(tenantId, id);
  }

  async deleteOfDomain(tenantId: TenantId, domainId: DomainId): Promise<void> {
    await this.rows.table.delete({ ...this.rows.of(tenantId), domainId: parseId('domain', domainId) });
  }
}
